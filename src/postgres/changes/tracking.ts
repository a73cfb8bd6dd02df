import type { Client } from "pg";
import type { PostgresSettings } from "../../api/settings.ts";
import { readCatalog } from "../catalog/read-catalog.ts";
import type { CatalogQuery } from "../catalog/catalog-query.ts";
import { connect, createClient, destroyClient } from "../pool/open.ts";
import { readDependencies } from "./dependencies.ts";
import { type Installed, installTriggers, removeTriggers, type TrackedTable } from "./install-triggers.ts";
import { readTrackedTables } from "./tracked-tables.ts";

/** How a table stands with triggers for tracking. */
export interface TrackingStatus {
  readonly table: string;
  /** `none`: it could have them; `never`: triggers would not tell all of its changes, or its replies are not cached anyway. */
  readonly state: "tracked" | "none" | "never";
}

/**
 * Installs triggers on the tables that are served in the settings' schemas, and on those that views there stand on.
 *
 * @param isWhole they tell which table has changed, and not which rows.
 */
export async function installTracking(settings: PostgresSettings, isWhole: boolean): Promise<Installed> {
  return withClient(settings, async (client, query) => {
    const { tables } = await readServed(query, settings);
    const wanted = tables.map(({ columns, ...table }) => ({ ...table, columns: isWhole ? [] : columns }));
    return installTriggers(client, wanted);
  });
}

/** Removes all of it, whatever schemas it was for. Answers how many tables had triggers. */
export async function removeTracking(settings: PostgresSettings): Promise<number> {
  return withClient(settings, (client) => removeTriggers(client));
}

/** Every table that is served, or that views stand on. */
export async function trackingStatus(settings: PostgresSettings): Promise<readonly TrackingStatus[]> {
  return withClient(settings, async (_client, query) => {
    const { tables, never } = await readServed(query, settings);
    const tracked = await readTrackedTables(query);
    const states = tables.map(({ oid, schema, name }): TrackingStatus => ({
      table: `${schema}.${name}`,
      state: tracked.has(oid) ? "tracked" : "none",
    }));
    const others = never.map((table): TrackingStatus => ({ table, state: "never" }));
    return [...states, ...others].sort((one, other) => (one.table < other.table ? -1 : 1));
  });
}

interface Served {
  /** That can have triggers, partitions by themselves: a statement that names one fires its own alone. */
  readonly tables: readonly (TrackedTable & { readonly oid: number })[];
  readonly never: readonly string[];
}

async function readServed(query: CatalogQuery, settings: PostgresSettings): Promise<Served> {
  const catalog = await readCatalog(query, settings);
  const { tables, left } = await readDependencies(query, catalog, { means: "triggers" });
  const followed = [...tables.values()];
  const partitions = followed.flatMap((table) => table.partitions.map((oid) => ({ oid, of: table })));
  const named = await query(NAMES, [JSON.stringify(partitions.map(({ oid }) => oid))]);
  const names = new Map(named.map(([oid, schema, name]) => [Number(oid), { schema: schema ?? "", name: name ?? "" }]));
  const columnsOf = (table: (typeof followed)[number]): readonly string[] => table.columns.map(({ name }) => name);
  return {
    tables: [
      ...followed.map((table) => ({
        oid: table.oid,
        schema: table.schema,
        name: table.name,
        columns: columnsOf(table),
      })),
      ...partitions.flatMap(({ oid, of }) => {
        const found = names.get(oid);
        return found === undefined ? [] : [{ oid, ...found, columns: columnsOf(of) }];
      }),
    ],
    never: left.map(({ schema, name }) => `${schema}.${name}`),
  };
}

const NAMES = `select c.oid::int8::text, n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.oid in (select value::oid from json_array_elements_text($1::json))`;

/** Reading a catalog of thousands of tables takes seconds at most. */
const STATEMENT_TIMEOUT_MS = 60_000;

async function withClient<T>(
  settings: PostgresSettings,
  use: (client: Client, query: CatalogQuery) => Promise<T>,
): Promise<T> {
  const client = createClient({ ...settings.pool, url: settings.url }, { statement_timeout: STATEMENT_TIMEOUT_MS });
  await connect(client);
  try {
    return await use(client, async (text, values) => {
      const query = { text, values: [...values], rowMode: "array" as const, types: TEXTS };
      return (await client.query<(string | null)[]>(query)).rows;
    });
  } finally {
    destroyClient(client);
  }
}

/** Fields as the server spells them. */
const TEXTS = { getTypeParser: () => (text: string) => text };
