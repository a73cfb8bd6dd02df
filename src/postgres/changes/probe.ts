import type { Client } from "pg";
import { connect, createClient, destroyClient } from "../pool/open.ts";
import type { PoolSettings } from "../pool/types.ts";
import { type Lsn, toLsn } from "./lsn.ts";
import { parseSnapshot, type Snapshot } from "./visibility.ts";

/** What the database was like at one moment. */
export interface ProbeResult {
  /** By `performance.now()`, before the database was asked. */
  readonly askedAtMs: number;
  readonly snapshot: Snapshot;
  /** The log is safe on disk up to here. */
  readonly lsn: Lsn;
}

/** An ordinary connection beside the stream: what the stream does not tell is asked here. */
export interface Probe {
  /** Looks at the database now; those who ask meanwhile get the answer to a later look. */
  look(): Promise<ProbeResult>;
  /** The same, once all that was committed before is in the log on disk: with `synchronous_commit = off` that takes its time otherwise. */
  lookBehindCommits(): Promise<ProbeResult>;
  /** Has all that was committed before go to the disk where it would take its time; those who ask meanwhile share a later one. */
  hastenCommits(): void;
  query(text: string, values?: readonly (string | null)[]): Promise<readonly (readonly (string | null)[])[]>;
  /** Settles when the connection is gone, with the reason. Never rejects. */
  readonly ended: Promise<Error>;
  close(): void;
}

/** Opens one. Rejects with `HP_DATABASE_REFUSED` or `HP_DATABASE_UNREACHABLE`. */
export async function openProbe(settings: PoolSettings): Promise<Probe> {
  const client = createClient({ ...settings, startup: STARTUP }, { statement_timeout: STATEMENT_TIMEOUT_MS });
  const ended = Promise.withResolvers<Error>();
  await connect(client);
  client.on("error", ended.resolve);
  client.on("end", () => ended.resolve(new Error("The connection has ended.")));
  /** What has commits go to the disk; undefined where each goes by itself. */
  let flushing: Promise<string | undefined> | undefined;
  // One after another: `pg` will not keep them in line by itself for ever.
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(ask: () => Promise<T>): Promise<T> => {
    const answer = turn.then(ask, ask);
    turn = answer.catch(() => undefined);
    return answer;
  };
  const ask: Probe["query"] = (text, values = []) => inTurn(() => query(client, text, values));
  /** Who may not do that sees the log as it is. */
  const flush = async (): Promise<void> => {
    flushing ??= ask(COMMIT_SETTINGS).then(([row]) => {
      const [mode, version] = row ?? [];
      if (mode !== "off") return undefined;
      return Number(version) >= FLUSHES_MESSAGES ? FLUSH : FLUSH_BY_COMMIT;
    });
    const text = await flushing;
    if (text !== undefined) await ask(text);
  };
  let isHastening = false;
  let isHastenedAgain = false;
  const hasten = async (): Promise<void> => {
    isHastening = true;
    do {
      isHastenedAgain = false;
      await flush().catch(() => undefined);
    } while (isHastenedAgain);
    isHastening = false;
  };
  return {
    look: () => inTurn(() => look(client)),
    async lookBehindCommits() {
      const askedAtMs = performance.now();
      await flush().catch(() => undefined);
      return { ...(await inTurn(() => look(client))), askedAtMs };
    },
    hastenCommits() {
      isHastenedAgain = isHastening;
      if (!isHastening) void hasten();
    },
    query: ask,
    ended: ended.promise,
    close: () => destroyClient(client),
  };
}

/** Publications lock the tables they name for a moment; nobody's change of a table's structure is to wait for that. */
const STARTUP = { lock_timeout: "2000", default_transaction_read_only: "off", search_path: "pg_catalog" } as const;
const STATEMENT_TIMEOUT_MS = 60_000;

const LOOK = {
  name: "hp_look",
  text: "select pg_catalog.pg_current_snapshot()::text, pg_catalog.pg_current_wal_flush_lsn()::text",
};

const COMMIT_SETTINGS = "select current_setting('synchronous_commit'), current_setting('server_version_num')";
/** Takes all before it to the disk. */
const FLUSH = "select pg_logical_emit_message(false, 'hotpath', '', true)::text";
/** The first version that can. */
const FLUSHES_MESSAGES = 170000;
/** So does a commit that is waited for. */
const FLUSH_BY_COMMIT =
  "select set_config('synchronous_commit', 'local', true), pg_logical_emit_message(true, 'hotpath', '')::text";

async function look(client: Client): Promise<ProbeResult> {
  const askedAtMs = performance.now();
  const { rows } = await client.query<[string, string]>({ ...LOOK, rowMode: "array" });
  const [snapshot, lsn] = rows[0] ?? ["", ""];
  return { askedAtMs, snapshot: parseSnapshot(snapshot), lsn: toLsn(lsn) };
}

async function query(
  client: Client,
  text: string,
  values: readonly (string | null)[],
): Promise<readonly (readonly (string | null)[])[]> {
  const { rows } = await client.query<(string | null)[]>({
    text,
    values: [...values],
    rowMode: "array",
    types: { getTypeParser: () => (value: string) => value },
  });
  return rows;
}
