import { HotpathError } from "../../errors.ts";
import { VERSION } from "../../version.ts";
import type { Command } from "../command.ts";
import type { Terminal } from "../terminal.ts";
import type { Configuration, ConfigurationLoader } from "./configuration.ts";

/** `hotpath postgrest`: PostgREST's settings in, PostgREST's dialect out, without hotpath's additions to URLs. */
export const postgrest: Command = {
  name: "postgrest",
  summary: "Take PostgREST's place, with PostgREST's own settings.",
  usage: ["postgrest [FILE]", "postgrest --dump-config | --dump-schema | --ready [FILE]", "postgrest --example"],
  positionals: [{ name: "FILE", description: "PostgREST configuration file; PGRST_* variables come before it." }],
  flags: [
    { name: "dump-config", description: "Print the settings that apply, those of the database included, and end." },
    { name: "dump-schema", description: "Print what is known of the database's structure as JSON, and end." },
    { name: "ready", description: "Ask a running server's admin listener whether it is ready, and end with 0 or 1." },
    { name: "example", short: "e", description: "Print a configuration file that explains every setting, and end." },
    { name: "version", short: "v", description: "Print the version, and end." },
  ],
  scopes: [],
  examples: [
    "PGRST_DB_URI=postgres://localhost/shop PGRST_DB_ANON_ROLE=web_anon hotpath postgrest",
    "hotpath postgrest /etc/postgrest.conf",
  ],
  async run(input) {
    const { own, terminal } = input;
    if (own.has("version")) {
      terminal.out(`hotpath ${VERSION}, in the dialect of PostgREST 14\n`);
      return;
    }
    if (own.has("example")) {
      const { exampleFile } = await import("./example.ts");
      terminal.out(exampleFile());
      return;
    }
    const { createConfigurationLoader } = await import("./configuration.ts");
    const loader = createConfigurationLoader(input);
    if (own.has("ready")) {
      const { askReady } = await import("./ready.ts");
      terminal.out(`OK: ${await askReady((await loader.own()).server.admin)}\n`);
    } else if (own.has("dump-config")) {
      const { dumpSettings } = await import("./dump.ts");
      terminal.out(dumpSettings((await readForDump(loader, terminal)).values));
    } else if (own.has("dump-schema")) {
      const { dumpSchema } = await import("./dump-schema.ts");
      terminal.out(await dumpSchema((await loader.whole()).postgres));
    } else {
      const { servePostgrest } = await import("./serve.ts");
      await servePostgrest(loader, terminal);
    }
  },
};

/** Without its database a configuration can still be shown, but not all of it. */
async function readForDump(loader: ConfigurationLoader, terminal: Terminal): Promise<Configuration> {
  const configuration = await loader.whole().catch((error: unknown) => {
    if (!(error instanceof HotpathError) || error.code !== "HP_DATABASE_UNREACHABLE") throw error;
    terminal.err(`hotpath: warning: settings of the database are missing: ${error.message}\n`);
    return loader.own();
  });
  for (const warning of configuration.warnings) terminal.err(`hotpath: warning: ${warning}\n`);
  return configuration;
}
