import type { CatalogQuery } from "./catalog-query.ts";

/**
 * Answers the names of the server's time zones, read when first asked for and kept.
 * A failed read is tried again at the next call.
 */
export function createTimezones(query: CatalogQuery): () => Promise<ReadonlySet<string>> {
  let names: Promise<ReadonlySet<string>> | undefined;
  return () => {
    names ??= readTimezones(query).catch((error: unknown) => {
      names = undefined;
      throw error;
    });
    return names;
  };
}

async function readTimezones(query: CatalogQuery): Promise<ReadonlySet<string>> {
  const rows = await query("select name from pg_catalog.pg_timezone_names", []);
  return new Set(rows.flatMap(([name]) => name ?? []));
}
