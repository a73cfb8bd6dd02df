import type { CatalogQuery } from "../catalog/catalog-query.ts";
import { identifier, qualified } from "../query/sql-text.ts";
import type { Probe } from "./probe.ts";
import { FeedUnavailable } from "./unavailable.ts";

/** A table as a publication names it. */
export interface PublishedTable {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
}

/**
 * Makes a publication that holds these tables, or adds them to it, and takes out those that must not be in it: PostgreSQL refuses updates and
 * deletes of a published table whose rows nothing identifies. Other tables stay, since another node may follow them.
 */
export async function providePublication(
  probe: Probe,
  name: string,
  tables: readonly PublishedTable[],
  barred: ReadonlySet<number>,
): Promise<void> {
  const [existing] = await probe.query(FIND, [name]);
  if (existing === undefined) {
    const created = probe.query(`create publication ${identifier(name)}${forTables(tables)} with (${OPTIONS})`);
    // Another node may have made it in the same moment, and then it holds the same.
    await created.catch(ignoreConcurrent);
    return;
  }
  const [json, isComplete] = existing;
  if (isComplete !== "true") await probe.query(`alter publication ${identifier(name)} set (${OPTIONS})`);
  const held = JSON.parse(json ?? "[]") as readonly (readonly [number, string, string])[];
  const wrong = held.filter(([oid]) => barred.has(oid)).map(([, schema, table]) => qualified({ schema, name: table }));
  if (wrong.length > 0)
    await probe.query(`alter publication ${identifier(name)} drop table only ${wrong.join(", only ")}`);
  const missing = tables.filter(({ oid }) => !held.some(([known]) => known === oid));
  if (missing.length === 0) return;
  const added = probe.query(`alter publication ${identifier(name)} add${forTables(missing).replace(" for", "")}`);
  await added.catch(ignoreConcurrent);
}

/** Whether it still holds all these tables. */
export async function isPublished(probe: Probe, name: string, tables: readonly PublishedTable[]): Promise<boolean> {
  const [existing] = await probe.query(FIND, [name]);
  const held = new Set((JSON.parse(existing?.[0] ?? "[]") as readonly (readonly [number])[]).map(([oid]) => oid));
  return existing?.[1] === "true" && tables.every(({ oid }) => held.has(oid));
}

/** Removes a publication of ours, unless another node still streams from this database. */
export async function dropPublication(probe: Probe, name: string, ownSlot: string): Promise<void> {
  const [others] = await probe.query(
    "select 1 from pg_replication_slots where active and database = current_database() and slot_name like 'hotpath%' and slot_name <> $1",
    [ownSlot],
  );
  if (others === undefined) await probe.query(`drop publication if exists ${identifier(name)}`);
}

/**
 * The tables of which a publication that somebody else made tells everything.
 *
 * Rejects with `FeedUnavailable` when it does not exist or leaves kinds of changes out.
 */
export async function readPublication(query: CatalogQuery, name: string): Promise<ReadonlySet<number>> {
  const [found] = await query(
    "select (pubinsert and pubupdate and pubdelete and pubtruncate)::text, current_setting('server_version_num') from pg_publication where pubname = $1",
    [name],
  );
  if (found === undefined)
    throw new FeedUnavailable(`there is no publication ${name}`, "create it, or let hotpath make its own");
  const [isComplete, version] = found;
  if (isComplete !== "true") {
    throw new FeedUnavailable(
      `the publication ${name} leaves out some kinds of changes`,
      `alter publication ${identifier(name)} set (publish = 'insert, update, delete, truncate')`,
    );
  }
  // From version 15 on rows can be filtered, and columns left out.
  const isFiltered =
    Number(version) >= 150_000
      ? "exists (select from pg_publication_rel r where r.prpubid = p.oid and r.prrelid = c.oid and (r.prqual is not null or r.prattrs is not null))"
      : "false";
  const rows = await query(
    `select c.oid::text from pg_publication p
    join pg_publication_tables t on t.pubname = p.pubname
    join pg_namespace n on n.nspname = t.schemaname
    join pg_class c on c.relnamespace = n.oid and c.relname = t.tablename
    where p.pubname = $1 and not ${isFiltered}`,
    [name],
  );
  return new Set(rows.map(([oid]) => Number(oid)));
}

/** Through their root PostgreSQL would not tell of a TRUNCATE of a single partition, nor what identifies the rows of each. */
const OPTIONS = "publish = 'insert, update, delete, truncate', publish_via_partition_root = false";

/** Its tables, and whether it publishes as OPTIONS say. */
const FIND = `select
  (select json_agg(json_build_array(c.oid::int8, n.nspname, c.relname))
    from pg_publication_rel r join pg_class c on c.oid = r.prrelid join pg_namespace n on n.oid = c.relnamespace
    where r.prpubid = p.oid)::text,
  (pubinsert and pubupdate and pubdelete and pubtruncate and not pubviaroot)::text
from pg_publication p where pubname = $1`;

function forTables(tables: readonly PublishedTable[]): string {
  return tables.length === 0 ? "" : ` for table ${tables.map((table) => `only ${qualified(table)}`).join(", ")}`;
}

/** Two nodes did the same at the same time. */
function ignoreConcurrent(error: unknown): void {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code !== "42710" && code !== "23505") throw error;
}
