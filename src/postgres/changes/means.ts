import type { CatalogQuery } from "../catalog/catalog-query.ts";
import type { Means } from "./change-way.ts";
import { readTrackedTables } from "./tracked-tables.ts";

/** What decides by which means changes are followed. */
export interface MeansWanted {
  /** Option `changes.follow`. */
  readonly follow: "auto" | "log" | "triggers" | "none";
  /** The database has refused to tell of its log, for whatever reason cannot be seen beforehand. */
  readonly isLogRefused: boolean;
}

/** The means to follow changes by, and with triggers the tables that have them. */
export type ChosenMeans =
  | { readonly means: "log" }
  | { readonly means: "triggers"; readonly tracked: ReadonlySet<number> };

/** The log where it can be had, else triggers where they are; with neither the log, which then says what is missing. */
export async function chooseMeans(query: CatalogQuery, { follow, isLogRefused }: MeansWanted): Promise<ChosenMeans> {
  if (follow === "log" || follow === "none") return LOG;
  if (follow === "auto" && !isLogRefused && (await isLogLikely(query))) return LOG;
  const tracked = await readTrackedTables(query);
  return follow === "triggers" || tracked.size > 0 ? { means: "triggers", tracked } : LOG;
}

const LOG: ChosenMeans = { means: "log" satisfies Means };

/** As far as it can be seen without trying. */
async function isLogLikely(query: CatalogQuery): Promise<boolean> {
  const [row] = await query(
    "select (current_setting('wal_level') = 'logical' and (rolreplication or rolsuper))::text from pg_roles where rolname = session_user",
    [],
  );
  return row?.[0] === "true";
}
