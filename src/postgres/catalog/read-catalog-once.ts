import type { PostgresSettings } from "../../api/settings.ts";
import { connect, createClient, destroyClient } from "../pool/open.ts";
import { readCatalog } from "./read-catalog.ts";
import type { Catalog } from "./types.ts";

/** Reading a catalog of thousands of tables takes seconds at most. */
const STATEMENT_TIMEOUT_MS = 60_000;

/**
 * Reads the catalog with a connection of its own, for whoever needs it once.
 *
 * @throws HotpathError HP_DATABASE_UNREACHABLE, HP_DATABASE_REFUSED, HP_SCHEMA_UNKNOWN
 */
export async function readCatalogOnce(settings: PostgresSettings): Promise<Catalog> {
  const client = createClient({ ...settings.pool, url: settings.url }, { statement_timeout: STATEMENT_TIMEOUT_MS });
  await connect(client);
  try {
    return await readCatalog(async (text, values) => {
      const query = { text, values: [...values], rowMode: "array" as const, types: TEXTS };
      return (await client.query<(string | null)[]>(query)).rows;
    }, settings);
  } finally {
    destroyClient(client);
  }
}

/** Fields as the server spells them. */
const TEXTS = { getTypeParser: () => (text: string) => text };
