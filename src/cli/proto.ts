import { HotpathError } from "../errors.ts";
import type { Command } from "./command.ts";
import { DATABASE_POSITIONAL, describedDatabase, SEARCH_PATH_FLAG } from "./described-database.ts";

/** `hotpath proto`: a database's structure as Protocol Buffers, for clients that are compiled from it. */
export const proto: Command = {
  name: "proto",
  summary: "Print a database's structure as a .proto file: messages and gRPC services.",
  usage: ["proto postgres://user:password@host:5432/database [--schema public] [--mount /] > schema.proto"],
  positionals: [DATABASE_POSITIONAL],
  flags: [
    { name: "schemas", value: "LIST", description: "Schemas that are served; the first is the default. [public]" },
    { name: "schema", value: "NAME", description: "The one to describe. [the first]" },
    {
      name: "mount",
      value: "PATH",
      description: "Where the source is mounted, which is part of the package's name. [/]",
    },
    SEARCH_PATH_FLAG,
  ],
  scopes: [],
  examples: ["hotpath proto postgres://localhost/shop > schema.proto"],
  async run(input) {
    const { own, terminal } = input;
    const settings = describedDatabase(input, "proto");
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
