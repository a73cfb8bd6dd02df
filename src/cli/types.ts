import { checkDatabaseUrl } from "../api/database-url.ts";
import { withLibpqDefaults } from "../api/libpq-defaults.ts";
import { resolvePostgresSettings } from "../api/options.ts";
import { HotpathError } from "../errors.ts";
import type { Command } from "./command.ts";

/** `hotpath types`: a database's structure as TypeScript, for clients that are told what they may ask. */
export const types: Command = {
  name: "types",
  summary: "Print a database's structure as TypeScript types for postgrest-js and supabase-js.",
  usage: ["types postgres://user:password@host:5432/database [--schemas public,…] > database.ts"],
  positionals: [
    { name: "URL", description: "Database to describe. HOTPATH_DATABASE_URL keeps it out of the process list." },
  ],
  flags: [
    { name: "schemas", value: "LIST", description: "Schemas to describe; the first is the default. [public]" },
    {
      name: "extra-search-path",
      value: "LIST",
      description: "Schemas that computed columns are also looked up in. [public]",
    },
  ],
  scopes: [],
  examples: ["hotpath types postgres://localhost/shop > src/database.ts"],
  async run({ positionals, own, environment, terminal }) {
    const url = positionals[0] ?? (environment["HOTPATH_DATABASE_URL"] || undefined);
    if (url === undefined) {
      throw new HotpathError("HP_CONFIG_MISSING", "No database was named.", {
        todo: "Name one: hotpath types postgres://user:password@host:5432/database",
      });
    }
    checkDatabaseUrl(url);
    const schemas = listOf(own.get("schemas"));
    const extraSearchPath = listOf(own.get("extra-search-path"));
    const settings = resolvePostgresSettings(withLibpqDefaults(url, environment), {
      argument: { ...(schemas && { schemas }), ...(extraSearchPath && { extraSearchPath }) },
    });
    const { readCatalogOnce } = await import("../postgres/catalog/read-catalog-once.ts");
    const { databaseTypes } = await import("../postgres/typescript/database-types.ts");
    terminal.out(databaseTypes(await readCatalogOnce(settings)));
  },
};

function listOf(text: string | boolean | undefined): readonly string[] | undefined {
  return typeof text === "string" ? text.split(",").map((entry) => entry.trim()) : undefined;
}
