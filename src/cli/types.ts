import type { Command } from "./command.ts";
import { DATABASE_POSITIONAL, describedDatabase, SEARCH_PATH_FLAG } from "./described-database.ts";

/** `hotpath types`: a database's structure as TypeScript, for clients that are told what they may ask. */
export const types: Command = {
  name: "types",
  summary: "Print a database's structure as TypeScript types for postgrest-js and supabase-js.",
  usage: ["types postgres://user:password@host:5432/database [--schemas public,…] > database.ts"],
  positionals: [DATABASE_POSITIONAL],
  flags: [
    { name: "schemas", value: "LIST", description: "Schemas to describe; the first is the default. [public]" },
    SEARCH_PATH_FLAG,
  ],
  scopes: [],
  examples: ["hotpath types postgres://localhost/shop > src/database.ts"],
  async run(input) {
    const settings = describedDatabase(input, "types");
    const { readCatalogOnce } = await import("../postgres/catalog/read-catalog-once.ts");
    const { databaseTypes } = await import("../postgres/typescript/database-types.ts");
    input.terminal.out(databaseTypes(await readCatalogOnce(settings)));
  },
};
