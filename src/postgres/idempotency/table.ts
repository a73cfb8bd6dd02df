import { type Command, createStatement, type Statement, unnamedStatement } from "../pool/index.ts";
import { identifier, qualified } from "../query/sql-text.ts";

/** A reply as the table holds it. */
export interface StoredReply {
  readonly fingerprint: string;
  readonly status: number;
  readonly statusText: string | null;
  /** As JSON. */
  readonly headers: string;
  readonly body: Uint8Array | null;
}

/** Statements on the table of keys. Its name comes from the settings. */
export interface KeyTable {
  /** Takes the key's lock until the transaction ends, if nobody has it, and looks for its reply. */
  claim(lock: string, scope: string, key: string): readonly Command[];
  /** Stores a reply and removes some that have expired. Runs as the connecting user, and leaves the role as it finds it. */
  store(scope: string, key: string, reply: StoredReply, expireAfterMs: number): readonly Command[];
  /** Whether there is the table, and its schema. */
  readonly find: Command;
  /** Creates what is missing. */
  create(hasSchema: boolean): readonly Command[];
}

/** Expired rows that go with each that is stored: more than come, so that they never pile up. */
const SWEPT = 10;
/** So that two nodes do not create the table at once. */
const CREATION_LOCK = "5224871690523";

export function createKeyTable(name: string): KeyTable {
  const [first, second] = name.split(".") as [string, string?];
  const own = second === undefined ? { schema: "public", name: first } : { schema: first, name: second };
  const table = qualified(own);
  const lock = createStatement("SELECT pg_try_advisory_xact_lock($1)");
  const look = createStatement(
    `SELECT fingerprint, status, status_text, headers, encode(body, 'hex') FROM ${table} ` +
      "WHERE scope = $1 AND key = $2 AND expires_at > now()",
  );
  const leaveRole = createStatement(
    "SELECT CASE WHEN set_config('hotpath.role', current_setting('role'), true) IS NOT NULL " +
      "THEN set_config('role', 'none', true) END",
  );
  const takeRole = createStatement("SELECT set_config('role', current_setting('hotpath.role'), true)");
  const store = createStatement(
    `WITH swept AS (DELETE FROM ${table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${table} WHERE expires_at <= now() ` +
      `AND (scope, key) <> ($1, $2) ORDER BY expires_at LIMIT ${SWEPT} FOR UPDATE SKIP LOCKED))) ` +
      `INSERT INTO ${table} AS own (scope, key, fingerprint, status, status_text, headers, body, expires_at) ` +
      "VALUES ($1, $2, $3, $4, $5, $6, $7, now() + $8::interval) ON CONFLICT (scope, key) DO UPDATE SET " +
      "fingerprint = excluded.fingerprint, status = excluded.status, status_text = excluded.status_text, " +
      "headers = excluded.headers, body = excluded.body, expires_at = excluded.expires_at " +
      // Only an expired one can stand there: whoever stores holds the key's lock and has looked.
      "WHERE own.expires_at <= now()",
  );
  return {
    claim: (id, scope, key) => [of(lock, [id]), of(look, [scope, key])],
    store(scope, key, { fingerprint, status, statusText, headers, body }, expireAfterMs) {
      const bytes = body === null ? null : `\\x${Buffer.from(body).toString("hex")}`;
      const values = [scope, key, fingerprint, String(status), statusText, headers, bytes, `${expireAfterMs} ms`];
      return [of(leaveRole), of(store, values), of(takeRole)];
    },
    find: of(createStatement("SELECT to_regclass($1) IS NOT NULL, to_regnamespace($2) IS NOT NULL"), [
      table,
      identifier(own.schema),
    ]),
    create: (hasSchema) =>
      [
        `SELECT pg_advisory_xact_lock(${CREATION_LOCK})`,
        ...(hasSchema ? [] : [`CREATE SCHEMA IF NOT EXISTS ${identifier(own.schema)}`]),
        `CREATE TABLE IF NOT EXISTS ${table} (scope text NOT NULL, key text NOT NULL, fingerprint text NOT NULL, ` +
          "status integer NOT NULL, status_text text, headers json NOT NULL, body bytea, " +
          "expires_at timestamptz NOT NULL, PRIMARY KEY (scope, key))",
        `CREATE INDEX IF NOT EXISTS ${identifier(`${own.name}_expires_at`)} ON ${table} (expires_at)`,
      ].map((text) => of(unnamedStatement(text))),
  };
}

function of(statement: Statement, values: readonly (string | null)[] = []): Command {
  return { statement, values };
}

/** A row that `claim` found. */
export function toStoredReply(row: readonly (string | null)[]): StoredReply {
  const [fingerprint, status, statusText, headers, body] = row;
  return {
    fingerprint: fingerprint ?? "",
    status: Number(status),
    statusText: statusText ?? null,
    headers: headers ?? "{}",
    body: body === null || body === undefined ? null : Buffer.from(body, "hex"),
  };
}
