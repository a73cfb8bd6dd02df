import { HotpathError } from "../errors.ts";
import { nearest } from "./nearest.ts";
import { ENVIRONMENT_ONLY, OPTIONS, PUBLIC_OPTIONS, type Option, type OptionScope } from "./option-table.ts";
import { toSetting } from "./option-value.ts";
import { checkDatabaseUrl } from "./database-url.ts";
import { fitPostgresSettings, fitServerSettings, fitUpstreamSettings } from "./option-rules.ts";
import type { ServerOptions, UpstreamOptions } from "./option-types.ts";
import type { PostgresOptions } from "./postgres-option-types.ts";
import type { PostgresSettings, ServerSettings, UpstreamSettings } from "./settings.ts";
import { checkUpstreamUrl } from "./upstream-url.ts";

export type { ServerOptions, UpstreamOptions } from "./option-types.ts";
export type { PoolOptions, PostgresOptions } from "./postgres-option-types.ts";
export type {
  ContentEncoding,
  LogLevel,
  OpenApiMode,
  PoolSettings,
  PostgresSettings,
  RequestLog,
  ServerSettings,
  TransactionEnd,
  UpstreamSettings,
} from "./settings.ts";

/**
 * Where the values of options come from; the first that gives a value wins, in the order of the fields. `undefined`
 * and empty variables give none. Nothing that is passed in is changed.
 */
export interface OptionOrigins<Options> {
  /** Flags of the command line by name (without `--`), as text or, for `--flag` and `--no-flag`, as a boolean. */
  readonly flags?: ReadonlyMap<string, string | boolean> | undefined;
  /** What a program passed, e.g. to `api.listen()`. */
  readonly argument?: Options | undefined;
  /** Usually `process.env`. Absent: no variable is looked at. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
  /** What the config file says. */
  readonly config?: Options | undefined;
}

/**
 * Settings of the server: flags over argument over environment over config file over default.
 *
 * @throws HotpathError HP_OPTION_UNKNOWN (names the nearest known name), HP_OPTION_INVALID
 */
export function resolveServerSettings(origins: OptionOrigins<ServerOptions> = {}): ServerSettings {
  return deepFreeze(fitServerSettings(resolveScope("server", origins) as unknown as ServerSettings));
}

/**
 * Settings of one PostgreSQL source, with the same precedence as `resolveServerSettings`.
 *
 * @param url connection URL, `postgres://user:password@host:5432/database`
 * @throws HotpathError HP_OPTION_UNKNOWN (names the nearest known name), HP_OPTION_INVALID
 */
export function resolvePostgresSettings(url: string, origins: OptionOrigins<PostgresOptions> = {}): PostgresSettings {
  checkDatabaseUrl(url);
  return deepFreeze(fitPostgresSettings({ url, ...resolveScope("postgres", origins) } as unknown as PostgresSettings));
}

/**
 * Settings of one upstream source, with the same precedence as `resolveServerSettings`.
 *
 * @param url where the API is: `http://127.0.0.1:4000`, with a path if requests go below one
 * @throws HotpathError HP_OPTION_UNKNOWN (names the nearest known name), HP_OPTION_INVALID
 */
export function resolveUpstreamSettings(url: string, origins: OptionOrigins<UpstreamOptions> = {}): UpstreamSettings {
  checkUpstreamUrl(url);
  return deepFreeze(fitUpstreamSettings({ url, ...resolveScope("upstream", origins) } as unknown as UpstreamSettings));
}

/**
 * Refuses variables that begin with `HOTPATH_` and are no option of ours.
 *
 * Kubernetes and Docker inject variables for every service beside a container; one named `hotpath` brings
 * `HOTPATH_PORT=tcp://10.0.0.1:80`, `HOTPATH_SERVICE_HOST` and more, which nobody wrote. Those are left alone.
 *
 * @throws HotpathError HP_OPTION_UNKNOWN
 */
export function checkEnvironment(environment: Readonly<Record<string, string | undefined>>): void {
  const known = new Set([...PUBLIC_OPTIONS.map((option) => option.env), ...Object.keys(ENVIRONMENT_ONLY)]);
  for (const name of Object.keys(environment)) {
    if (!name.startsWith("HOTPATH_") || known.has(name) || isServiceLink(name, environment[name])) continue;
    throw unknown(`The environment variable ${name}`, nearest(name, known));
  }
}

/** The error for a name that no option has. `subject` begins the sentence. */
export function unknown(subject: string, suggestion: string | undefined): HotpathError {
  const hint = suggestion === undefined ? "" : ` Did you mean ${suggestion}?`;
  return new HotpathError("HP_OPTION_UNKNOWN", `${subject} is not known.${hint}`);
}

type Tree = { [name: string]: unknown };

function resolveScope(scope: OptionScope, origins: OptionOrigins<object>): Tree {
  const options = OPTIONS.filter((option) => option.scope === scope);
  if (origins.environment) checkEnvironment(origins.environment);
  for (const given of [origins.argument, origins.config]) checkNames(given, options);
  const settings: Tree = {};
  for (const option of options) place(settings, option.settingsPath, resolveOption(option, origins));
  return settings;
}

function resolveOption(option: Option, origins: OptionOrigins<object>): unknown {
  const flag = option.internal ? undefined : origins.flags?.get(option.flag);
  if (flag !== undefined) return toSetting(option, flag, `--${option.flag}`, true);

  const argument = lookUp(origins.argument, option.path);
  if (argument !== undefined) return toSetting(option, argument, `Option ${option.path}`, false);

  const variable = option.internal ? undefined : origins.environment?.[option.env];
  if (variable && !isServiceLink(option.env, variable)) return toSetting(option, variable, option.env, true);

  const config = lookUp(origins.config, option.path);
  if (config !== undefined) return toSetting(option, config, `Option ${option.path} of the config file`, false);

  return toSetting(option, option.default, option.path, false);
}

function isServiceLink(name: string, value = ""): boolean {
  const isName = /_SERVICE_HOST$|_SERVICE_PORT(_\w+)?$|_PORT_\d+_(TCP|UDP|SCTP)(_\w+)?$/.test(name);
  return isName || /^(tcp|udp|sctp):\/\//.test(value);
}

/** Walks what a user wrote and refuses every name that the table does not have at that place. */
function checkNames(given: unknown, options: readonly Option[], prefix = ""): void {
  if (given === undefined) return;
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    const place = prefix === "" ? "The options" : `Option ${prefix.slice(0, -1)}`;
    throw new HotpathError("HP_OPTION_INVALID", `${place} must be an object of options; received another type.`);
  }
  for (const name of Object.keys(given)) {
    const path = prefix + name;
    if (options.some((option) => option.path === path)) continue;
    if (!options.some((option) => option.path.startsWith(`${path}.`))) {
      throw unknown(`Option ${path}`, nearestPath(path, options));
    }
    checkNames((given as Tree)[name], options, `${path}.`);
  }
}

/** Right name in the wrong place (`port` for `server.port`) comes before a similar path. */
function nearestPath(path: string, options: readonly Option[]): string | undefined {
  const offered = options.filter((option) => !option.internal).map((option) => option.path);
  const name = path.split(".").at(-1)!;
  return offered.find((candidate) => candidate.endsWith(`.${name}`) || candidate === name) ?? nearest(path, offered);
}

function lookUp(given: unknown, path: string): unknown {
  let value = given;
  for (const name of path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Tree)[name];
  }
  return value;
}

function place(tree: Tree, path: readonly string[], value: unknown): void {
  let node = tree;
  for (const name of path.slice(0, -1)) node = (node[name] ??= {}) as Tree;
  node[path.at(-1)!] = value;
}

function deepFreeze<T extends object>(tree: T): T {
  for (const value of Object.values(tree)) if (typeof value === "object" && value !== null) deepFreeze(value as object);
  return Object.freeze(tree);
}
