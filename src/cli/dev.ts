import { findConfigFile, loadConfigFile } from "../api/config-file.ts";
import { type ApiDefinition, type ResolvedApi, resolveDefinition } from "../api/definition.ts";
import { HotpathError } from "../errors.ts";
import type { RunningServer } from "../server/start.ts";
import { describeServer } from "./announce.ts";
import type { Command, CommandInput } from "./command.ts";
import { type HotModules, watchModules } from "./hot-modules.ts";
import { runServer } from "./run-server.ts";
import { titlesOf } from "./titles.ts";

/** `hotpath dev`: what a config file declares, and anew whenever a file of it changes. */
export const dev: Command = {
  name: "dev",
  summary: "Serve hotpath.config.ts, and serve it anew whenever a file of it changes.",
  usage: ["dev [--config FILE] [flags]"],
  positionals: [],
  flags: [{ name: "config", value: "FILE", description: "Config file. [hotpath.config.ts, .mts, .js or .mjs]" }],
  scopes: ["server", "postgres", "upstream"],
  examples: ["hotpath dev", "hotpath dev --config api/hotpath.config.ts --log-requests all"],
  async run(input) {
    const reloads = createReloads(input);
    try {
      const { api, definition } = await reloads.load();
      const titles = titlesOf(definition);
      await runServer(
        () => ({
          api,
          announce: (server) => `${describeServer(api, server, titles, input.terminal)}  its files are watched\n`,
          started: (server) => reloads.serve(server),
        }),
        input,
      );
    } finally {
      reloads.close();
    }
  },
};

interface Reloads {
  /** Reads the config file as it is now. */
  load(): Promise<{ readonly api: ResolvedApi; readonly definition: ApiDefinition }>;
  /** From now on changes are put in place of what this server serves. */
  serve(server: RunningServer): void;
  close(): void;
}

function createReloads(input: CommandInput): Reloads {
  const { flags, environment, terminal } = input;
  let server: RunningServer | undefined;
  /** Reloads follow one another; a change during one is another. */
  let last: Promise<void> = Promise.resolve();
  const modules: HotModules = watchModules(
    () => {
      last = last.then(reload);
    },
    (folder) => terminal.err(`hotpath: ${folder} cannot be watched: changes there need a new start\n`),
  );

  async function load(): ReturnType<Reloads["load"]> {
    const definition = await readDefinition(input);
    const { loadSourceFactories } = await import("../server/source-factories.ts");
    const api = resolveDefinition(definition, { flags, environment }, await loadSourceFactories(definition));
    return { api, definition };
  }

  async function reload(): Promise<void> {
    if (server === undefined) return;
    const startedAt = performance.now();
    modules.renew();
    try {
      await server.replace((await load()).api);
      terminal.out(`hotpath: reloaded in ${Math.round(performance.now() - startedAt)} ms\n`);
    } catch (error) {
      // What ran before goes on.
      const words = error instanceof Error ? error.message : String(error);
      terminal.err(`hotpath: not reloaded: ${words}\n`);
    }
  }

  return {
    load,
    serve: (started) => void (server = started),
    close: () => modules.close(),
  };
}

async function readDefinition({ own, environment, directory }: CommandInput): Promise<ApiDefinition> {
  const named = own.get("config") ?? (environment["HOTPATH_CONFIG"] || undefined);
  const file = named === undefined ? await findConfigFile(directory) : String(named);
  if (file !== undefined) return loadConfigFile(file, directory);
  throw new HotpathError("HP_CONFIG_MISSING", `There is no hotpath.config.ts in ${directory}.`, {
    todo: "Make one: hotpath init",
  });
}
