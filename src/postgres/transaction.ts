import type { SourceRequest } from "../api/source.ts";
import type { PostgresSettings } from "../api/settings.ts";
import type { Command } from "./pool/index.ts";
import { createTemplate } from "./query/statement.ts";
import { identifier } from "./query/sql-text.ts";

/** Who a request runs as, and what it asked of its transaction. */
export interface TransactionScope {
  /** The schema that names without one mean. */
  readonly schema: string;
  /** `null`: the connecting user. */
  readonly role: string | null;
  readonly timezone: string | null;
}

/** Makes the commands that precede a request's own in its transaction. */
export type OpenTransaction = (request: SourceRequest, scope: TransactionScope) => readonly Command[];

/**
 * With roles or a pre-request function configured, every request runs under its role and sees itself in settings
 * (`request.method`, `request.headers`, …; PostgREST 14, "Transactions"). Without, nothing is sent that was not asked for.
 */
export function createOpenTransaction(settings: PostgresSettings): OpenTransaction {
  const usesRoles = usesRequestSettings(settings);
  const preRequest =
    settings.preRequest === null ? [] : [{ statement: preRequestStatement(settings.preRequest), values: [] }];
  return (request, scope) => {
    if (!usesRoles) return scope.timezone === null ? NO_COMMANDS : [timezoneCommand(scope.timezone)];
    return [requestCommand(request, scope, settings.extraSearchPath), ...preRequest];
  };
}

/** Whether requests run under roles of their own, with settings that functions and policies can read. */
export function usesRequestSettings(settings: PostgresSettings): boolean {
  return settings.anonRole !== null || settings.jwt.secret !== null || settings.preRequest !== null;
}

/** What every connection starts with, so that a plain read needs no commands before it. */
export function startupSettings({ schemas, extraSearchPath }: PostgresSettings): Readonly<Record<string, string>> {
  return {
    search_path: [...new Set([...schemas, ...extraSearchPath])].map(identifier).join(", "),
    // A GET changes nothing, whatever the functions behind a view would like to do.
    default_transaction_read_only: "on",
  };
}

const NO_COMMANDS: readonly Command[] = [];

const TIMEZONE = createTemplate("SELECT set_config('timezone', $1, true)", []).statement;

const REQUEST = createTemplate(
  "SELECT set_config('search_path', $1, true), " +
    // Before the role: the connecting user may be allowed settings that the role is not.
    "set_config('timezone', coalesce($2, current_setting('timezone')), true), " +
    "set_config('role', coalesce($3, current_setting('role')), true), " +
    "set_config('request.jwt.claims', $4, true), set_config('request.method', $5, true), " +
    "set_config('request.path', $6, true), set_config('request.headers', $7, true), " +
    "set_config('request.cookies', $8, true)",
  [],
).statement;

function timezoneCommand(timezone: string): Command {
  return { statement: TIMEZONE, values: [timezone] };
}

function requestCommand(request: SourceRequest, scope: TransactionScope, extraSearchPath: readonly string[]): Command {
  const { cookie, ...headers } = request.headers;
  const searchPath = [scope.schema, ...extraSearchPath].map(identifier).join(", ");
  const claims = scope.role === null ? "{}" : JSON.stringify({ role: scope.role });
  return {
    statement: REQUEST,
    values: [
      searchPath,
      scope.timezone,
      scope.role,
      claims,
      request.method,
      request.subpath,
      JSON.stringify(headers),
      JSON.stringify(parseCookies(cookie)),
    ],
  };
}

function parseCookies(header: string | undefined): Record<string, string> {
  const pairs = (header ?? "").split(";").map((pair) => pair.trim().split("="));
  return Object.fromEntries(
    pairs.filter(([name]) => name !== undefined && name !== "").map(([name, ...value]) => [name, value.join("=")]),
  );
}

function preRequestStatement(name: string): Command["statement"] {
  return createTemplate(`SELECT ${name.split(".").map(identifier).join(".")}()`, []).statement;
}
