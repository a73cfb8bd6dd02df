import { hash } from "node:crypto";
import type { PostgresSettings } from "../../api/settings.ts";
import type { CatalogQuery } from "../catalog/catalog-query.ts";

/** First part of all tags of a database: the same on every node that serves it alike, and on no other. */
export async function readPrefix(
  query: CatalogQuery,
  { schemas, extraSearchPath, url }: PostgresSettings,
): Promise<string> {
  const found = await query(
    "select system_identifier::text, (select oid::text from pg_database where datname = current_database()) from pg_control_system()",
    [],
  ).catch(() => undefined);
  // Without the right to ask, whoever uses the same URL is taken to serve the same.
  const identity = found?.[0] ?? [url];
  return hash("sha256", JSON.stringify([identity, schemas, extraSearchPath]), "base64url").slice(0, 10);
}

/** The publication that nodes with this prefix share. */
export function publicationName(prefix: string): string {
  return `hotpath_${hash("sha256", prefix, "hex").slice(0, 12)}`;
}
