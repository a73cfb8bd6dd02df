import { checkDatabaseUrl } from "../api/database-url.ts";
import { withLibpqDefaults } from "../api/libpq-defaults.ts";
import { resolvePostgresSettings } from "../api/options.ts";
import { HotpathError } from "../errors.ts";
import type { Command } from "./command.ts";

/** `hotpath proto`: a database's structure as Protocol Buffers, for clients that are compiled from it. */
export const proto: Command = {
  name: "proto",
  summary: "Print a database's structure as a .proto file: messages and gRPC services.",
  usage: ["proto postgres://user:password@host:5432/database [--schema public] [--mount /] > schema.proto"],
  positionals: [
    { name: "URL", description: "Database to describe. HOTPATH_DATABASE_URL keeps it out of the process list." },
  ],
  flags: [
    { name: "schemas", value: "LIST", description: "Schemas that are served; the first is the default. [public]" },
    { name: "schema", value: "NAME", description: "The one to describe. [the first]" },
    {
      name: "mount",
      value: "PATH",
      description: "Where the source is mounted, which is part of the package's name. [/]",
    },
    {
      name: "extra-search-path",
      value: "LIST",
      description: "Schemas that computed columns are also looked up in. [public]",
    },
  ],
  scopes: [],
  examples: ["hotpath proto postgres://localhost/shop > schema.proto"],
  async run({ positionals, own, environment, terminal }) {
    const url = positionals[0] ?? (environment["HOTPATH_DATABASE_URL"] || undefined);
    if (url === undefined) {
      throw new HotpathError("HP_CONFIG_MISSING", "No database was named.", {
        todo: "Name one: hotpath proto postgres://user:password@host:5432/database",
      });
    }
    checkDatabaseUrl(url);
    const schemas = listOf(own.get("schemas"));
    const extraSearchPath = listOf(own.get("extra-search-path"));
    const settings = resolvePostgresSettings(withLibpqDefaults(url, environment), {
      argument: { ...(schemas && { schemas }), ...(extraSearchPath && { extraSearchPath }) },
    });
    const { readCatalogOnce } = await import("../postgres/catalog/read-catalog-once.ts");
    const { schemaProto } = await import("../postgres/protobuf/index.ts");
    const named = own.get("schema");
    const schema = typeof named === "string" ? named : (settings.schemas[0] ?? "public");
    if (!settings.schemas.includes(schema)) {
      throw new HotpathError("HP_SCHEMA_UNKNOWN", `--schema: ${schema} is not among those that are served.`);
    }
    const mount = own.get("mount");
    const basePath = typeof mount === "string" ? mount : "/";
    terminal.out(schemaProto({ catalog: await readCatalogOnce(settings), schema, basePath }, null));
  },
};

function listOf(text: string | boolean | undefined): readonly string[] | undefined {
  return typeof text === "string" ? text.split(",").map((entry) => entry.trim()) : undefined;
}
