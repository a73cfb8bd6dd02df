import { nearest } from "../api/nearest.ts";
import { OPTIONS } from "../api/option-table.ts";
import type { PostgrestOptions, ServerOptions } from "../api/option-types.ts";
import { toSetting } from "../api/option-value.ts";
import { toConnectionUrl } from "./connection-string.ts";
import { ALIASES, LATER, SETTINGS, invalidSetting, type GivenSetting } from "./postgrest-table.ts";

export type { GivenSetting } from "./postgrest-table.ts";

/** What PostgREST's settings come to in ours. */
export interface PostgrestSettings {
  readonly uri: string;
  readonly server: ServerOptions;
  readonly postgres: PostgrestOptions;
  /** One line for each setting that has no effect. */
  readonly warnings: readonly string[];
}

/**
 * Translates PostgREST's settings by name (`db-uri`) into our options.
 *
 * @throws HotpathError HP_OPTION_INVALID, naming the setting where it was given
 */
export function readPostgrestSettings(given: ReadonlyMap<string, GivenSetting>): PostgrestSettings {
  const warnings: string[] = [];
  const options = new Map<string, unknown>();
  const settings = withoutAliases(given);
  for (const [name, setting] of settings) {
    const known = SETTINGS[name];
    if (!known) warnings.push(describeUnknown(name, setting));
    else if (setting.value !== "" || known.isEmptyable) {
      if (known.unsupported && setting.value.toLowerCase() !== known.silentFor) {
        warnings.push(`${setting.origin} ${known.unsupported}; it has no effect.`);
      }
      const value = known.convert ? known.convert(setting.value, setting) : setting.value;
      if (known.option) options.set(known.option, check(known.option, value, setting));
      else options.set(name, value);
    }
  }
  const uri = settings.get("db-uri");
  return {
    uri: toConnectionUrl(uri?.value || "postgresql://", uri?.origin ?? "db-uri"),
    server: toOptions(withServerDefaults(options, settings.get("log-level")), "server:"),
    postgres: toOptions(withPostgresDefaults(options), "postgres:"),
    warnings,
  };
}

/** What PostgREST does where nothing is said, and ours would differ. */
function withServerDefaults(
  given: ReadonlyMap<string, unknown>,
  logLevel: GivenSetting | undefined,
): Map<string, unknown> {
  const address = given.get("server:server.host") ?? "0.0.0.0";
  const level = logLevel?.value || "error";
  const requests = { crit: "none", error: "failed", warn: "errors", info: "all", debug: "all" }[level];
  if (requests === undefined) throw invalidSetting(logLevel!, "one of crit, error, warn, info, debug");
  return new Map<string, unknown>([
    ["server:admin.host", address],
    ["server:admin.enabled", given.has("server:admin.port")],
    // Probes ask by the address they were given; PostgREST checks no host name.
    ["server:admin.allowedHosts", ["*"]],
    // Its server takes 50 KiB of head; clients with long filters rely on that.
    ["server:http.maxHeaderBytes", "64KiB"],
    ["server:http.maxUrlBytes", "64KiB"],
    ["server:http.defaultCacheControl", null],
    ["server:cors.allowedOrigins", ["*"]],
    ["server:log.level", level === "debug" ? "debug" : "info"],
    ["server:log.requests", requests],
    ...given,
    ["server:server.host", address],
  ]);
}

function withPostgresDefaults(given: ReadonlyMap<string, unknown>): Map<string, unknown> {
  const lifetimeMs = (given.get("postgres:pool.maxLifetime") as number | undefined) ?? 1_800_000;
  return new Map<string, unknown>([
    ["postgres:reloadChannel", "pgrst"],
    ["postgres:pool.maxLifetimeJitter", Math.floor(lifetimeMs / 10)],
    // Roles and the database say how long statements may run.
    ["postgres:pool.statementTimeout", null],
    ["postgres:updatedAtColumn", null],
    ["postgres:allowAnonymous", given.has("postgres:anonRole")],
    ...given,
    ["postgres:openapi.standard", "2.0"],
    ["postgres:rowPaths", false],
    ["postgres:cursors", false],
    ...(given.get("db-channel-enabled") === false ? [["postgres:reloadChannel", null] as const] : []),
  ]);
}

function withoutAliases(given: ReadonlyMap<string, GivenSetting>): Map<string, GivenSetting> {
  const settings = new Map(given);
  for (const [alias, name] of Object.entries(ALIASES)) {
    const old = settings.get(alias);
    settings.delete(alias);
    if (old && !settings.get(name)?.value) settings.set(name, old);
  }
  return settings;
}

function describeUnknown(name: string, { origin }: GivenSetting): string {
  if (name.startsWith("app.settings.")) return `${origin} ${LATER}; it has no effect.`;
  const suggestion = nearest(name, Object.keys(SETTINGS));
  const hint = suggestion === undefined ? "" : ` Did you mean ${asWritten(suggestion, origin)}?`;
  return `${origin} is not a setting that hotpath knows; it has no effect.${hint}`;
}

function asWritten(name: string, origin: string): string {
  return origin.startsWith("PGRST_") ? `PGRST_${name.toUpperCase().replaceAll("-", "_")}` : name;
}

/** Checks the value by our option's rules, but names the setting as the user wrote it. */
function check(option: string, value: unknown, { origin }: GivenSetting): unknown {
  const row = OPTIONS.find(({ scope, path }) => `${scope}:${path}` === option)!;
  return toSetting(row, value, origin, false);
}

function toOptions(values: ReadonlyMap<string, unknown>, prefix: string): object {
  const options: Record<string, unknown> = {};
  for (const [option, value] of values) {
    if (!option.startsWith(prefix)) continue;
    const path = option.slice(prefix.length).split(".");
    let node = options;
    for (const name of path.slice(0, -1)) node = (node[name] ??= {}) as Record<string, unknown>;
    node[path.at(-1)!] = value;
  }
  return options;
}
