import { findConfigFile, loadConfigFile } from "../api/config-file.ts";
import { resolveDefinition, toMountPoint, type ApiDefinition } from "../api/definition.ts";
import { isUpstreamUrl } from "../api/upstream-url.ts";
import { HotpathError } from "../errors.ts";
import { describeServer } from "./announce.ts";
import type { Command, CommandInput } from "./command.ts";
import { runServer } from "./run-server.ts";
import { titlesOf } from "./titles.ts";

/** `hotpath serve`: a database or an HTTP API by its URL, or what a config file declares. */
export const serve: Command = {
  name: "serve",
  summary: "Serve a PostgreSQL database, any HTTP API, or what hotpath.config.ts declares.",
  usage: [
    "serve postgres://user:password@host:5432/database [flags]",
    "serve http://host:4000 [flags]",
    "serve [--config FILE] [flags]",
  ],
  positionals: [
    { name: "URL", description: "Database or API to serve. HOTPATH_DATABASE_URL keeps it out of the process list." },
  ],
  flags: [
    { name: "config", value: "FILE", description: "Config file. [hotpath.config.ts, .mts, .js or .mjs]" },
    { name: "base-path", value: "PATH", description: "Path the database or API is served below, such as /api. [/]" },
  ],
  scopes: ["server", "postgres", "upstream"],
  examples: [
    "hotpath serve postgres://localhost/shop",
    "hotpath serve postgres://localhost/shop --port 8080 --schemas api --base-path /api",
    "hotpath serve http://127.0.0.1:4000 --upstream-timeout-head 10s",
    "hotpath serve --config deploy/hotpath.config.ts",
  ],
  async run(input) {
    const definition = await readDefinition(input);
    const { loadSourceFactories } = await import("../server/source-factories.ts");
    const { flags, environment, terminal } = input;
    const api = resolveDefinition(definition, { flags, environment }, await loadSourceFactories(definition));
    const titles = titlesOf(definition);
    if (api.server.server.workers !== null) {
      const { runWithWorkers } = await import("./run-workers.ts");
      await runWithWorkers(api, (server) => describeServer(api, server, titles, terminal), input);
      return;
    }
    await runServer(() => ({ api, announce: (server) => describeServer(api, server, titles, terminal) }), input);
  },
};

async function readDefinition({ positionals, own, environment, directory }: CommandInput): Promise<ApiDefinition> {
  const [url] = positionals;
  const config = own.get("config") ?? (environment["HOTPATH_CONFIG"] || undefined);
  if (url !== undefined) {
    if (own.has("config")) throw misused("hotpath serve takes either a URL or --config, not both.");
    return fromUrl(url, own);
  }
  const file = config === undefined ? await findConfigFile(directory) : String(config);
  if (file !== undefined) {
    if (own.has("base-path")) throw misused("--base-path goes with a URL; a config file says where its sources are.");
    return loadConfigFile(file, directory);
  }
  const fromEnvironment = environment["HOTPATH_DATABASE_URL"];
  if (fromEnvironment) return fromUrl(fromEnvironment, own);
  throw new HotpathError("HP_CONFIG_MISSING", `There is no hotpath.config.ts in ${directory}, and no URL was given.`, {
    todo: "Name a database or an API: hotpath serve postgres://user:password@host:5432/database",
  });
}

function fromUrl(url: string, own: CommandInput["own"]): ApiDefinition {
  const path = toMountPoint(String(own.get("base-path") ?? "/"));
  const kind = isUpstreamUrl(url) ? "upstream" : "postgres";
  return { options: {}, sources: { [path]: { kind, url, options: {} } } };
}

function misused(message: string): HotpathError {
  return new HotpathError("HP_ARGUMENT_INVALID", message);
}
