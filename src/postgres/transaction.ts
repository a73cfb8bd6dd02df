import type { SourceRequest } from "../api/source-request.ts";
import type { PostgresSettings } from "../api/settings.ts";
import type { Isolation } from "./catalog/role-settings.ts";
import type { Catalog } from "./catalog/types.ts";
import { impersonate } from "./impersonation.ts";
import type { Command } from "./pool/index.ts";
import { createTemplate } from "./query/statement.ts";
import { identifier } from "./query/sql-text.ts";

/** What a request asked of its transaction. Who it runs as, its identity says. */
export interface TransactionScope {
  /** The schema that names without one mean. */
  readonly schema: string;
  readonly timezone: string | null;
  /** The relation or function that is asked for, by name, for traces. */
  readonly target?: string;
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
  /** Which preparation of the request's statements is used. */
  readonly variant: number;
}

/** Begins a request's transaction. Throws what `impersonate` throws. */
export type OpenTransaction = (request: SourceRequest, scope: TransactionScope) => Opening;

/** What of the catalog that is in use a transaction depends on. */
export type RoleCatalog = Pick<Catalog, "roleSettings" | "hasRowSecurity">;

/**
 * With roles or a pre-request function configured, every request runs under its role and sees itself in settings
 * (`request.method`, `request.headers`, …; PostgREST 14, "Transactions"). Without, nothing is sent that was not asked for.
 */
export function createOpenTransaction(
  settings: PostgresSettings,
  catalog: () => RoleCatalog | undefined,
): OpenTransaction {
  const preRequest =
    settings.preRequest === null ? [] : [{ statement: preRequestStatement(settings.preRequest), values: [] }];
  const appSettings = settings.appSettings.map(toAppSetting);
  const searchPathOf = createSearchPaths(settings.extraSearchPath);
  const variantOf = createRoleVariants();
  return (request, scope) => {
    const { role, claims } = impersonate(settings, request);
    if (!usesRequestSettings(settings, request)) return plainOpening(scope, settings);
    const known = catalog();
    const own = role === null ? undefined : known?.roleSettings.get(role);
    const asked = scope.timezone === null ? NONE : [["timezone", scope.timezone] as const];
    const opening = setForRequest(request, searchPathOf(scope.schema), role, claims, {
      before: own?.settings ?? NONE,
      after: [...asked, ...(scope.settings ?? NONE), ...appSettings],
    });
    const timed = own === undefined && scope.settings === undefined ? NONE : [own?.settings, scope.settings].flat();
    return {
      commands: [opening, ...preRequest],
      isolation: own?.isolation,
      limit: longLimit(timed, settings),
      variant: role !== null && known?.hasRowSecurity === true ? variantOf(role) : 0,
    };
  };
}

/** Whether requests run under roles of their own, with settings that functions and policies can read. */
export function usesRequestSettings(
  settings: PostgresSettings,
  { identity }: Pick<SourceRequest, "identity">,
): boolean {
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
  // NUL stands in no value.
  for (const { statement, values } of commands) identity += `${statement.name}\0${values.join("\0")}\0`;
  return identity;
}

const NONE: readonly Setting[] = [];
const NO_LIMIT = {};
const PLAIN: Opening = { commands: [], isolation: undefined, limit: NO_LIMIT, variant: 0 };

function plainOpening({ timezone, settings = [] }: TransactionScope, options: PostgresSettings): Opening {
  if (timezone === null && settings.length === 0) return PLAIN;
  const asked: Setting[] = [...(timezone === null ? [] : [["timezone", timezone] as const]), ...settings];
  const command = { statement: settingStatement([], asked.length, 0), values: asked.flat() };
  return { ...PLAIN, commands: [command], limit: longLimit(settings, options) };
}

/** Sets what every request sets, between settings that differ in number and name. */
function setForRequest(
  request: SourceRequest,
  searchPath: string,
  role: string | null,
  claims: string,
  { before, after }: { readonly before: readonly Setting[]; readonly after: readonly Setting[] },
): Command {
  const values = [searchPath];
  // The connecting user may be allowed settings that the role is not: those of the role come before it.
  for (const [name, value] of before) values.push(name, value);
  if (role !== null) values.push(role);
  values.push(claims, request.method, request.subpath, headersText(request), cookiesText(request));
  for (const [name, value] of after) values.push(name, value);
  const named = role === null ? NAMED_WITHOUT_ROLE : NAMED;
  return { statement: settingStatement(named, before.length, after.length), values };
}

/** Names of the settings whose values alone are parameters, in the order of `setForRequest`. */
const NAMED_WITHOUT_ROLE = [
  "request.jwt.claims",
  "request.method",
  "request.path",
  "request.headers",
  "request.cookies",
] as const;
const NAMED = ["role", ...NAMED_WITHOUT_ROLE] as const;

/**
 * One statement that sets them all, in this order, until the transaction ends: the search path where there are named ones, `before`
 * others, the named ones, `after` others. `CASE` keeps the order (PostgreSQL documentation, "Expression evaluation rules"), and has
 * the values not sent back.
 */
function settingStatement(named: readonly string[], before: number, after: number): Command["statement"] {
  const key = `${named.length} ${before} ${after}`;
  let statement = statements.get(key);
  if (statement !== undefined) return statement;
  let parameters = 0;
  const fixed = (name: string): string => `set_config('${name}', $${++parameters}, true)`;
  const free = (): string => `set_config($${++parameters}, $${++parameters}, true)`;
  const calls = [
    ...(named.length === 0 ? [] : [fixed("search_path")]),
    ...Array.from({ length: before }, free),
    ...named.map(fixed),
    ...Array.from({ length: after }, free),
  ];
  const text = `SELECT CASE ${calls.map((call) => `WHEN ${call} IS NULL THEN 0`).join(" ")} END`;
  statements.set(key, (statement = createTemplate(text, []).statement));
  return statement;
}

/** As many as there are numbers of settings. */
const statements = new Map<string, Command["statement"]>();

function createSearchPaths(extra: readonly string[]): (schema: string) => string {
  const paths = new Map<string, string>();
  return (schema) => {
    let path = paths.get(schema);
    if (path === undefined) paths.set(schema, (path = [schema, ...extra].map(identifier).join(", ")));
    return path;
  };
}

/**
 * PostgreSQL plans a prepared statement anew whenever it meets it under another role, if row security is involved (which takes twice as
 * long as all the rest), so the roles that come first have statements of their own. Where every user is a role, the many share.
 */
function createRoleVariants(): (role: string) => number {
  const variants = new Map<string, number>();
  return (role) => {
    const known = variants.get(role);
    if (known !== undefined || variants.size >= MAX_VARIANTS) return known ?? MAX_VARIANTS;
    const variant = variants.size;
    variants.set(role, variant);
    return variant;
  };
}

const MAX_VARIANTS = 8;

function headersText({ headers }: SourceRequest): string {
  if (headers.cookie === undefined) return JSON.stringify(headers);
  const { cookie: _cookie, ...others } = headers;
  return JSON.stringify(others);
}

function cookiesText({ headers: { cookie } }: SourceRequest): string {
  return cookie === undefined ? "{}" : JSON.stringify(parseCookies(cookie));
}

function parseCookies(header: string): Record<string, string> {
  const pairs = header.split(";").map((pair) => pair.trim().split("="));
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
function longLimit(
  given: readonly (Setting | undefined)[],
  { pool: { statementTimeoutMs } }: PostgresSettings,
): Opening["limit"] {
  if (given.length === 0) return NO_LIMIT;
  const timeout = given.findLast((setting) => setting?.[0] === "statement_timeout")?.[1];
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
