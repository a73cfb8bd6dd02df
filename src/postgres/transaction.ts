import type { SourceRequest } from "../api/source.ts";
import type { PostgresSettings } from "../api/settings.ts";
import type { Isolation, RoleSettings } from "./catalog/role-settings.ts";
import { impersonate } from "./impersonation.ts";
import type { Command } from "./pool/index.ts";
import { createTemplate } from "./query/statement.ts";
import { identifier } from "./query/sql-text.ts";

/** What a request asked of its transaction. Who it runs as, its identity says. */
export interface TransactionScope {
  /** The schema that names without one mean. */
  readonly schema: string;
  readonly timezone: string | null;
  /** Further settings, such as those of a function that is to be called; the last to be set. */
  readonly settings?: readonly Setting[];
}

/** Name and value. */
export type Setting = readonly [name: string, value: string];

/** How a request's transaction begins. */
export interface Opening {
  /** To be run before the request's own. */
  readonly commands: readonly Command[];
  /** What the role was given; `undefined`: the database's own. */
  readonly isolation: Isolation | undefined;
  /** How long its statements may take, where role or function give them longer than the pool would wait. */
  readonly limit: { readonly timeoutMs?: number };
}

/** Begins a request's transaction. Throws what `impersonate` throws. */
export type OpenTransaction = (request: SourceRequest, scope: TransactionScope) => Opening;

/**
 * With roles or a pre-request function configured, every request runs under its role and sees itself in settings
 * (`request.method`, `request.headers`, …; PostgREST 14, "Transactions"). Without, nothing is sent that was not asked for.
 *
 * @param roleSettings those of the catalog that is in use
 */
export function createOpenTransaction(
  settings: PostgresSettings,
  roleSettings: () => ReadonlyMap<string, RoleSettings> | undefined,
): OpenTransaction {
  const preRequest =
    settings.preRequest === null ? [] : [{ statement: preRequestStatement(settings.preRequest), values: [] }];
  const appSettings = settings.appSettings.map(toAppSetting);
  return (request, scope) => {
    const { role, claims } = impersonate(settings, request);
    if (!usesRequestSettings(settings, request)) return plainOpening(scope, settings);
    const own = role === null ? undefined : roleSettings()?.get(role);
    const searchPath = [scope.schema, ...settings.extraSearchPath].map(identifier).join(", ");
    const before: Setting[] = [["search_path", searchPath], ...(own?.settings ?? [])];
    const after: Setting[] = [
      ["request.jwt.claims", claims],
      ...requestSettings(request),
      ...(scope.timezone === null ? [] : [["timezone", scope.timezone] as const]),
      ...(scope.settings ?? []),
      ...appSettings,
    ];
    return {
      // The connecting user may be allowed settings that the role is not: those of the role come before it.
      commands: [setAll([...before, ...(role === null ? [] : [["role", role] as const]), ...after]), ...preRequest],
      isolation: own?.isolation,
      limit: longLimit([...(own?.settings ?? []), ...(scope.settings ?? [])], settings),
    };
  };
}

/** Whether requests run under roles of their own, with settings that functions and policies can read. */
export function usesRequestSettings(settings: PostgresSettings, { identity }: SourceRequest): boolean {
  const { anonRole, preRequest, appSettings } = settings;
  return identity !== undefined || anonRole !== null || preRequest !== null || appSettings.length > 0;
}

/** What every connection starts with, so that a plain read needs no commands before it. */
export function startupSettings({ schemas, extraSearchPath }: PostgresSettings): Readonly<Record<string, string>> {
  return {
    search_path: [...new Set([...schemas, ...extraSearchPath])].map(identifier).join(", "),
    // A GET changes nothing, whatever the functions behind a view would like to do.
    default_transaction_read_only: "on",
  };
}

/**
 * All that the commands opening a transaction can make of it, as one text: whoever has the same may see the same. Empty: there
 * are none.
 */
export function identityOf({ commands }: Opening): string {
  let identity = "";
  for (const { statement, values } of commands) {
    identity += statement.name;
    // NUL stands in no value.
    for (const value of values) identity += value === null ? "\0-" : `\0+${value}`;
  }
  return identity;
}

const NO_LIMIT = {};
const PLAIN: Opening = { commands: [], isolation: undefined, limit: NO_LIMIT };

function plainOpening({ timezone, settings = [] }: TransactionScope, options: PostgresSettings): Opening {
  if (timezone === null && settings.length === 0) return PLAIN;
  const asked: Setting[] = [...(timezone === null ? [] : [["timezone", timezone] as const]), ...settings];
  return { ...PLAIN, commands: [setAll(asked)], limit: longLimit(settings, options) };
}

function requestSettings(request: SourceRequest): readonly Setting[] {
  const { cookie, ...headers } = request.headers;
  return [
    ["request.method", request.method],
    ["request.path", request.subpath],
    ["request.headers", JSON.stringify(headers)],
    ["request.cookies", JSON.stringify(parseCookies(cookie))],
  ];
}

/** One statement that sets them all until the transaction ends. There are as many texts of it as numbers of settings. */
function setAll(settings: readonly Setting[]): Command {
  let statement = statements.get(settings.length);
  if (statement === undefined) {
    const calls = settings.map((_setting, index) => `set_config($${2 * index + 1}, $${2 * index + 2}, true)`);
    statements.set(settings.length, (statement = createTemplate(`SELECT ${calls.join(", ")}`, []).statement));
  }
  return { statement, values: settings.flat() };
}

const statements = new Map<number, Command["statement"]>();

function parseCookies(header: string | undefined): Record<string, string> {
  const pairs = (header ?? "").split(";").map((pair) => pair.trim().split("="));
  return Object.fromEntries(
    pairs.filter(([name]) => name !== undefined && name !== "").map(([name, ...value]) => [name, value.join("=")]),
  );
}

function toAppSetting(entry: string): Setting {
  const equals = entry.indexOf("=");
  return [`app.settings.${entry.slice(0, equals)}`, entry.slice(equals + 1)];
}

function preRequestStatement(name: string): Command["statement"] {
  return createTemplate(`SELECT ${name.split(".").map(identifier).join(".")}()`, []).statement;
}

/** What the last `statement_timeout` comes to, and a little more, so that the server's error comes first. */
function longLimit(given: readonly Setting[], { pool: { statementTimeoutMs } }: PostgresSettings): Opening["limit"] {
  const timeout = given.findLast(([name]) => name === "statement_timeout")?.[1];
  const [, digits, unit = "ms"] = /^(\d+)\s*(ms|s|min|h|d)?$/.exec(timeout ?? "") ?? [];
  if (digits === undefined || statementTimeoutMs === null) return NO_LIMIT;
  const ms = Number(digits) * (UNITS_MS[unit] ?? 1);
  if (ms > 0 && ms <= statementTimeoutMs) return NO_LIMIT;
  return { timeoutMs: Math.min(ms === 0 ? Infinity : ms + MARGIN_MS, LONGEST_MS) };
}

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 };
const MARGIN_MS = 5000;
/** Timers take no more. */
const LONGEST_MS = 2_147_483_647;
