import { OPTIONS } from "../../api/option-table.ts";
import type { ServerOptions } from "../../api/option-types.ts";
import type { PostgrestOptions } from "../../api/postgres-option-types.ts";
import { toSetting } from "../../api/option-value.ts";
import { fromSecret } from "../../auth/key-ring.ts";
import { HotpathError } from "../../errors.ts";
import { toConnectionUrl } from "../connection-string.ts";
import type { Setting } from "./setting.ts";
import { SETTINGS } from "./table.ts";
import { toHost } from "./table-server.ts";
import { type GivenSetting, type GivenSettings, readValues, type SettingValues } from "./values.ts";

export type { GivenSetting, GivenSettings } from "./values.ts";

/** What PostgREST's settings come to in ours. */
export interface PostgrestSettings {
  readonly uri: string;
  readonly server: ServerOptions;
  readonly postgres: PostgrestOptions;
  /** One line for each setting that has no effect. */
  readonly warnings: readonly string[];
  readonly values: SettingValues;
}

/**
 * Translates PostgREST's settings by name (`db-uri`) into our options.
 *
 * @throws HotpathError HP_OPTION_INVALID, naming the setting where it was given
 */
export function readPostgrestSettings(given: GivenSettings): PostgrestSettings {
  const values = readValues(given);
  checkSecret(values);
  const warnings = [...values.warnings];
  const options = new Map<string, unknown>();
  for (const setting of SETTINGS) {
    const found = values.given(setting.name);
    if (found === undefined || setting.option === undefined) continue;
    options.set(setting.option, check(setting.option, toOption(setting, found.value), found));
  }
  options.set("postgres:appSettings", appSettings(values, warnings));
  const uri = values.given("db-uri");
  return {
    uri: toConnectionUrl(values.get("db-uri"), uri?.origin ?? "db-uri"),
    server: toOptions(withServerDefaults(options, values), "server:"),
    postgres: toOptions(withPostgresDefaults(options, values), "postgres:"),
    warnings,
    values,
  };
}

function toOption({ type, convert }: Setting, text: string): unknown {
  if (convert !== undefined) return convert(text);
  if (type === "boolean") return text === "true";
  if (type === "integer") return Number(text);
  return type === "list" ? (text === "" ? [] : [...new Set(text.split(","))]) : text;
}

/** Which requests are logged at each level. */
const LOGGED: Readonly<Record<string, string>> = {
  crit: "none",
  error: "failed",
  warn: "errors",
  info: "all",
  debug: "all",
};

/** What PostgREST does where nothing is said, and ours would differ. */
function withServerDefaults(given: ReadonlyMap<string, unknown>, values: SettingValues): Map<string, unknown> {
  const address = toHost(values.get("server-host"));
  const level = values.get("log-level");
  return new Map<string, unknown>([
    ["server:admin.host", address],
    ["server:admin.enabled", given.has("server:admin.port") || given.has("server:admin.socket")],
    // Probes ask by the address they were given; PostgREST checks no host name.
    ["server:admin.allowedHosts", ["*"]],
    // Nor does it know a token.
    ["server:admin.isOpen", true],
    // Its server takes 50 KiB of head; clients with long filters rely on that.
    ["server:http.maxHeaderBytes", "64KiB"],
    ["server:http.maxUrlBytes", "64KiB"],
    ["server:http.defaultCacheControl", null],
    // PostgREST has no bound; what is held as a whole needs one.
    ["server:http.maxBodyBytes", "256MiB"],
    // Additions of ours, whose names belong to the database there.
    ["server:http.heedRequestTimeout", false],
    ["server:batch.path", null],
    ["server:cors.allowedOrigins", ["*"]],
    ["server:auth.jwt.maxCached", Number(values.get("jwt-cache-max-entries"))],
    ["server:auth.jwt.roleClaim", values.get("jwt-role-claim-key")],
    ["server:log.level", level === "debug" ? "debug" : "info"],
    ["server:log.requests", LOGGED[level]],
    ["server:server.socketMode", values.get("server-unix-socket-mode")],
    ["server:admin.socketMode", values.get("admin-server-unix-socket-mode")],
    ...given,
    ["server:server.host", address],
  ]);
}

function withPostgresDefaults(given: ReadonlyMap<string, unknown>, values: SettingValues): Map<string, unknown> {
  const host = values.get("server-host");
  const tcpHost = /^[*!][46]?$/.test(host) ? "0.0.0.0" : host.includes(":") ? `[${host}]` : host;
  return new Map<string, unknown>([
    ["postgres:reloadChannel", values.get("db-channel")],
    ["postgres:pool.maxLifetimeJitter", Math.floor((Number(values.get("db-pool-max-lifetime")) * 1000) / 10)],
    // Roles and the database say how long statements may run.
    ["postgres:pool.statementTimeout", null],
    ["postgres:updatedAtColumn", null],
    ["postgres:conditionalWrites", false],
    ["postgres:idempotency.enabled", false],
    ["postgres:allowAnonymous", given.has("postgres:anonRole")],
    ["postgres:openapi.proxyUri", `http://${tcpHost}:${values.get("server-port")}/`],
    ...given,
    ["postgres:openapi.standard", "2.0"],
    ["postgres:rowPaths", false],
    // Its clients know no Vary, and its databases no publication of ours.
    ["postgres:queryCache.enabled", false],
    ["postgres:cursors", false],
    ["postgres:logQueries", values.get("log-query") === "true" ? LOGGED[values.get("log-level")] : "none"],
    ...(values.get("db-channel-enabled") === "false" ? [["postgres:reloadChannel", null] as const] : []),
  ]);
}

/** PostgreSQL allows a setting's name letters, digits and underscores; others would fail every request. */
function appSettings({ app }: SettingValues, warnings: string[]): readonly string[] {
  return [...app].flatMap(([whole, { value, origin }]) => {
    const name = whole.slice("app.settings.".length);
    if (/^[A-Za-z_][\w$]*(?:\.[A-Za-z_][\w$]*)*$/.test(name)) return `${name}=${value}`;
    warnings.push(`${origin} is no name that PostgreSQL allows a setting; it has no effect.`);
    return [];
  });
}

function checkSecret(values: SettingValues): void {
  const secret = values.given("jwt-secret");
  if (secret === undefined) return;
  try {
    fromSecret(secret.value, values.get("jwt-secret-is-base64") === "true");
  } catch (error) {
    const { message } = error as Error;
    const words = message.includes("at least 32 characters")
      ? `${secret.origin}: The JWT secret must be at least 32 characters long.`
      : message
          .replaceAll("auth.jwt.secretIsBase64", "jwt-secret-is-base64")
          .replaceAll("auth.jwt.secret", secret.origin);
    throw new HotpathError("HP_OPTION_INVALID", words, { cause: error });
  }
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
