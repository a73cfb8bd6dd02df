import type { CatalogQuery } from "./catalog/catalog-query.ts";

/** Answers the SQL names of the types that casts name; those that the database does not have are left out. */
export type TypeResolver = (casts: readonly string[]) => Promise<ReadonlyMap<string, string>>;

/** Names that are remembered, known or not: requests choose them, so their number is bounded. */
const MAX_REMEMBERED = 1000;

const NONE: ReadonlyMap<string, string> = new Map();

/**
 * Looks types up in the database, so that what reaches SQL is the catalog's own spelling (`format_type`) and never
 * a text of the request.
 */
export function createTypeResolver(query: CatalogQuery): TypeResolver {
  const remembered = new Map<string, string | null>();
  return async (casts) => {
    if (casts.length === 0) return NONE;
    const found = new Map<string, string>();
    for (const cast of casts) {
      if (!remembered.has(cast)) {
        if (remembered.size >= MAX_REMEMBERED) remembered.clear();
        remembered.set(cast, await lookUp(query, cast));
      }
      const name = remembered.get(cast);
      if (name !== null && name !== undefined) found.set(cast, name);
    }
    return found;
  };
}

async function lookUp(query: CatalogQuery, cast: string): Promise<string | null> {
  try {
    const rows = await query("SELECT format_type(to_regtype($1)::oid, null) WHERE to_regtype($1) IS NOT NULL", [cast]);
    return rows[0]?.[0] ?? null;
  } catch (error) {
    // Before PostgreSQL 17 a text that is no type name at all is a syntax error rather than a null.
    if (error instanceof Error && "code" in error && error.code === "42601") return null;
    throw error;
  }
}
