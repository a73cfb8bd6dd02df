import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { checkDatabaseUrl, describeDatabase } from "../api/database-url.ts";
import type { ResolvedApi } from "../api/definition.ts";
import { withLibpqDefaults } from "../api/libpq-defaults.ts";
import { resolvePostgresSettings, resolveServerSettings } from "../api/options.ts";
import { HotpathError } from "../errors.ts";
import type { RunningServer } from "../server/start.ts";
import { describeServer } from "./announce.ts";
import type { Command, CommandInput } from "./command.ts";
import { parsePostgrestFile } from "./postgrest-file.ts";
import { readPostgrestSettings, type PostgrestSettings } from "./postgrest-settings.ts";
import { runServer } from "./run-server.ts";

/** `hotpath postgrest`: PostgREST's settings in, PostgREST's dialect out, without hotpath's additions to URLs. */
export const postgrest: Command = {
  name: "postgrest",
  summary: "Take PostgREST's place, with PostgREST's own settings.",
  usage: ["postgrest [FILE]"],
  positionals: [{ name: "FILE", description: "PostgREST configuration file; PGRST_* variables come before it." }],
  flags: [],
  scopes: [],
  examples: [
    "PGRST_DB_URI=postgres://localhost/shop PGRST_DB_ANON_ROLE=web_anon hotpath postgrest",
    "hotpath postgrest /etc/postgrest.conf",
  ],
  async run(input) {
    const settings = await readSettings(input);
    for (const warning of settings.warnings) input.terminal.err(`hotpath: warning: ${warning}\n`);
    const { createPostgresSource } = await import("../postgres/source.ts");
    checkDatabaseUrl(settings.uri);
    const uri = withLibpqDefaults(settings.uri, input.environment);
    const postgres = resolvePostgresSettings(uri, { argument: settings.postgres });
    const server = resolveServerSettings({ argument: settings.server });
    const api: ResolvedApi = { server, sources: [{ path: "/", source: createPostgresSource(postgres) }] };
    const titles = { "/": describeDatabase(uri) };
    const announce = (running: RunningServer): string => describeServer(api, running, titles, input.terminal);
    await runServer(() => ({ api, announce }), input);
  },
};

/** Settings of the file, overridden by the environment; values that begin with `@` name a file that holds the value. */
async function readSettings({ positionals, environment, directory }: CommandInput): Promise<PostgrestSettings> {
  const [file] = positionals;
  const fromFile =
    file === undefined ? new Map<string, string>() : await readSettingsFile(file, directory, environment);
  const values = new Map([...fromFile].map(([name, value]) => [name, { value, origin: `${name} in ${file}` }]));
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith("PGRST_") || value === undefined) continue;
    const setting = name.slice("PGRST_".length).toLowerCase();
    const isAppSetting = setting.startsWith("app_settings_");
    const key = isAppSetting ? `app.settings.${setting.slice("app_settings_".length)}` : setting.replaceAll("_", "-");
    values.set(key, { value, origin: name });
  }
  for (const name of ["db-uri", "jwt-secret"]) {
    const given = values.get(name);
    if (!given?.value.startsWith("@")) continue;
    const text = await readText(resolve(directory, given.value.slice(1)), given.origin);
    values.set(name, { ...given, value: name === "db-uri" ? text.trim() : text.replace(/\n$/, "") });
  }
  return readPostgrestSettings(values);
}

async function readSettingsFile(
  file: string,
  directory: string,
  environment: CommandInput["environment"],
): Promise<Map<string, string>> {
  const path = resolve(directory, file);
  return parsePostgrestFile(await readText(path, "The configuration file"), path, environment);
}

async function readText(path: string, origin: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    throw new HotpathError("HP_CONFIG_MISSING", `${origin}: ${path} cannot be read (${reason}).`, {
      cause: error,
      todo: "Name a file that exists and may be read.",
    });
  }
}
