import type { PostgresSettings } from "../../api/settings.ts";
import { readCatalogOnce } from "../../postgres/catalog/read-catalog-once.ts";

/** What is known of the database's structure, as JSON. Its form may change with any version. */
export async function dumpSchema(settings: PostgresSettings): Promise<string> {
  return `${JSON.stringify(await readCatalogOnce(settings), toJson)}\n`;
}

function toJson(_name: string, value: unknown): unknown {
  return value instanceof Map ? Object.fromEntries(value) : value;
}
