import { type Client, escapeLiteral } from "pg";
import { HotpathError } from "../../errors.ts";
import { identifier, qualified } from "../query/sql-text.ts";
import { TRACK_FUNCTION_HASH } from "./tracked-tables.ts";
import { TRACK_FUNCTION, TRACK_SCHEMA, TRACK_TRIGGERS } from "./trigger-names.ts";

/** Which triggers a table is to have. */
export interface TrackedTable {
  readonly schema: string;
  readonly name: string;
  /** Whose values are told. */
  readonly columns: readonly string[];
}

/** What an installation changed. */
export interface Installed {
  readonly tables: number;
  /** Of these, so many had no triggers, or others. */
  readonly changed: number;
}

/** Makes triggers on these tables, in one transaction. What is there already as it should be is not touched, and no other table's triggers are. */
export async function installTriggers(client: Client, tables: readonly TrackedTable[]): Promise<Installed> {
  return inTransaction(client, async () => {
    const namespace = identifier(TRACK_SCHEMA);
    const { rows: found } = await client.query<{ hash: string }>(
      "select md5(p.prosrc) as hash from pg_catalog.pg_proc p where p.pronamespace = to_regnamespace($1) and p.proname = 'changed'",
      [TRACK_SCHEMA],
    );
    if (found[0]?.hash !== TRACK_FUNCTION_HASH) {
      await client.query(`create schema if not exists ${namespace}`);
      await client.query(
        `create or replace function ${namespace}.changed() returns trigger language plpgsql set search_path = pg_catalog set datestyle = 'ISO' as $hotpath$${TRACK_FUNCTION}$hotpath$`,
      );
    }
    let changed = 0;
    for (const table of tables) {
      if (await isInstalled(client, table)) continue;
      await client.query(triggersOf(table));
      changed++;
    }
    return { tables: tables.length, changed };
  });
}

/** Removes everything that was installed, in one transaction. Answers how many tables had triggers. */
export async function removeTriggers(client: Client): Promise<number> {
  return inTransaction(client, async () => {
    const { rows } = await client.query<{ n: number }>(
      `select count(distinct t.tgrelid)::int as n from pg_catalog.pg_trigger t join pg_catalog.pg_proc p on p.oid = t.tgfoid
      where p.pronamespace = to_regnamespace($1)`,
      [TRACK_SCHEMA],
    );
    // The triggers depend on the function, and it on the schema.
    await client.query(`drop schema if exists ${identifier(TRACK_SCHEMA)} cascade`);
    return rows[0]?.n ?? 0;
  });
}

/** Tables are locked one after another; who waits longer for one is in somebody's way. */
const LOCK_TIMEOUT = "5s";
/** Two that install at the same time do so one after the other. */
const LOCK_KEY = 7_263_448_101;

async function inTransaction<T>(client: Client, run: () => Promise<T>): Promise<T> {
  await client.query(`begin; set local lock_timeout = '${LOCK_TIMEOUT}'; set local client_min_messages = warning`);
  try {
    await client.query("select pg_advisory_xact_lock($1)", [LOCK_KEY]);
    const result = await run();
    await client.query("commit");
    return result;
  } catch (error) {
    await client.query("rollback").catch(() => undefined);
    throw toTold(error);
  }
}

async function isInstalled(client: Client, table: TrackedTable): Promise<boolean> {
  const { rows } = await client.query<{ n: number }>(
    `select count(*)::int as n from pg_catalog.pg_trigger t join pg_catalog.pg_proc p on p.oid = t.tgfoid
    where t.tgrelid = to_regclass($1) and p.pronamespace = to_regnamespace($2) and t.tgenabled = 'A'
      and t.tgargs = case when t.tgname = 'hotpath_truncate' then ''::bytea else decode($3, 'hex') end`,
    [qualified(table), TRACK_SCHEMA, argumentBytes(table.columns)],
  );
  return rows[0]?.n === TRACK_TRIGGERS.length;
}

/** As `pg_trigger.tgargs` has them: each ended by a zero byte. */
function argumentBytes(columns: readonly string[]): string {
  return Buffer.from(columns.map((column) => `${column}\0`).join("")).toString("hex");
}

function triggersOf(table: TrackedTable): string {
  const relation = qualified(table);
  const words = table.columns.map(escapeLiteral).join(", ");
  const kinds = { insert: ["new"], update: ["old", "new"], delete: ["old"] } as const;
  const made = Object.entries(kinds).map(([event, versions]) => {
    const rows = versions.map((version) => `${version} table as hotpath_${version}`).join(" ");
    const referencing = words === "" ? "" : `referencing ${rows}`;
    return `create trigger hotpath_${event} after ${event} on ${relation} ${referencing} ${executing(words)}`;
  });
  return [
    ...TRACK_TRIGGERS.map((name) => `drop trigger if exists ${name} on ${relation}`),
    ...made,
    `create trigger hotpath_truncate after truncate on ${relation} ${executing("")}`,
    // Also while rows are restored with triggers switched off.
    ...TRACK_TRIGGERS.map((name) => `alter table only ${relation} enable always trigger ${name}`),
  ].join(";\n");
}

function executing(words: string): string {
  return `for each statement execute function ${identifier(TRACK_SCHEMA)}.changed(${words})`;
}

function toTold(error: unknown): unknown {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "55P03") {
    return new HotpathError("HP_UNAVAILABLE", "A table is locked by somebody else; nothing was changed.", {
      cause: error,
      todo: "Try again when no long transaction uses the tables.",
    });
  }
  if (code === "42501") {
    return new HotpathError("HP_DATABASE_REFUSED", "The database user may not do this; nothing was changed.", {
      cause: error,
      todo: "Connect as the owner of the tables, who may create schemas in the database.",
    });
  }
  return error;
}
