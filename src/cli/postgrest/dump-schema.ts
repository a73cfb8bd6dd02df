import type { PostgresSettings } from "../../api/settings.ts";
import { readCatalog } from "../../postgres/catalog/read-catalog.ts";
import { connect, createClient, destroyClient } from "../../postgres/pool/open.ts";

/** Reading a catalog of thousands of tables takes seconds at most. */
const STATEMENT_TIMEOUT_MS = 60_000;

/** What is known of the database's structure, as JSON. Its form may change with any version. */
export async function dumpSchema(settings: PostgresSettings): Promise<string> {
  const client = createClient({ ...settings.pool, url: settings.url }, { statement_timeout: STATEMENT_TIMEOUT_MS });
  await connect(client);
  try {
    const catalog = await readCatalog(async (text, values) => {
      const { rows } = await client.query<(string | null)[]>({
        text,
        values: [...values],
        rowMode: "array",
        types: TEXTS,
      });
      return rows;
    }, settings);
    return `${JSON.stringify(catalog, (_name, value: unknown) => (value instanceof Map ? Object.fromEntries(value) : value))}\n`;
  } finally {
    destroyClient(client);
  }
}

/** Fields as the server spells them. */
const TEXTS = { getTypeParser: () => (text: string) => text };
