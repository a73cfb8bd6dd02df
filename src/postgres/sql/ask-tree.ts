import type { QueryConfig } from "pg";
import { connect, createClient, destroyClient } from "../pool/open.ts";
import type { PoolSettings } from "../pool/types.ts";
import { type RelationRead, readsOf } from "./statement-reads.ts";

/** A relation that a statement reads, with the names of its columns by number. */
export interface NamedRead extends RelationRead {
  readonly columns: ReadonlyMap<number, string>;
}

/**
 * Asks PostgreSQL what a statement reads. With `debug_print_parse` it sends the tree that its parser made of it: names are resolved, types
 * known, parameters marked, and nothing runs. Its log gets the tree, too.
 *
 * @param searchPath as the statement will run with
 */
export async function askReads(
  settings: PoolSettings,
  searchPath: string,
  text: string,
): Promise<readonly NamedRead[]> {
  const client = createClient(settings, { statement_timeout: TIMEOUT_MS });
  const trees: string[] = [];
  client.on("notice", ({ message, detail }) => {
    if (message === "parse tree:" && detail !== undefined) trees.push(detail);
  });
  await connect(client);
  try {
    // One statement alone, or the server refuses it.
    const run = async (query: string, values: readonly unknown[] = []) =>
      client.query<(string | null)[]>({ text: query, values: [...values], rowMode: "array", ...EXTENDED });
    await run("BEGIN READ ONLY");
    await run(PRINTING, [searchPath]);
    trees.length = 0;
    await run(`PREPARE "hp.read" AS ${text}`);
    const reads = trees.flatMap((tree) => readsOf(tree));
    await run("SET LOCAL debug_print_parse = off");
    const oids = [...new Set(reads.map(({ oid }) => oid))];
    const { rows } = await run(COLUMNS, [oids]);
    await run("ROLLBACK");
    const columns = Map.groupBy(rows, ([oid]) => Number(oid));
    return reads.map((read) => {
      const own = columns.get(read.oid) ?? [];
      return { ...read, columns: new Map(own.map(([, number, name]) => [Number(number), name ?? ""])) };
    });
  } finally {
    destroyClient(client);
  }
}

const EXTENDED = { queryMode: "extended" } as Partial<QueryConfig>;
const TIMEOUT_MS = 10_000;

const PRINTING = `SELECT set_config('search_path', $1, true), set_config('client_min_messages', 'log', true),
set_config('debug_pretty_print', 'off', true), set_config('debug_print_parse', 'on', true)`;

const COLUMNS = `SELECT attrelid::int8::text, attnum::text, attname FROM pg_catalog.pg_attribute
WHERE attrelid = ANY($1::oid[]) AND attnum > 0 AND NOT attisdropped`;
