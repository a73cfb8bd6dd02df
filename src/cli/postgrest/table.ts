import type { OptionScope } from "../../api/option-table.ts";
import {
  checkAudience,
  checkLogLevel,
  checkMode,
  checkOpenApiMode,
  checkProxyUri,
  checkRolePath,
  checkTxEnd,
  checkVerbosity,
} from "./checks.ts";

/** A setting of PostgREST: how its text is read, what applies where none is given, and what becomes of it here. */
export interface Setting {
  readonly name: string;
  /** A list is one text, parted by commas. */
  readonly type: "text" | "list" | "boolean" | "integer";
  /** As text; empty: none. */
  readonly default: string;
  /** Set anew when the configuration is read again; the others belong to what runs already. */
  readonly isReloadable?: boolean;
  /** May be given in the database, as `pgrst.db_schemas`. */
  readonly isInDatabase?: boolean;
  /** An empty text is a value of its own, rather than none. */
  readonly isEmptyable?: boolean;
  /** Older name, which is read where the newer is not given. */
  readonly alias?: string;
  /** Of a later PostgREST than 14: dumped only where it was given. */
  readonly isLater?: boolean;
  /** What is wrong with a text, in PostgREST's words, which people search for. */
  readonly check?: (text: string) => string | undefined;
  /** The option of ours that it becomes; absent: other code reads it. */
  readonly option?: `${OptionScope}:${string}`;
  /** Brings a value from its type into the form of the option. */
  readonly convert?: (value: string) => unknown;
  /** Why it has no effect here; not said for the default. */
  readonly unsupported?: string;
  /** One line for `--example`. */
  readonly description: string;
}

const seconds = (text: string): number => Number(text) * 1000;
const one = (text: string): readonly string[] => [text];

/** Warp's words for "any address": https://hackage.haskell.org/package/streaming-commons (HostPreference). */
export function toHost(text: string): string {
  return text === "!4" || text === "*4" ? "0.0.0.0" : /^(\*|\*6|!6)$/.test(text) ? "::" : text;
}

/** Every setting, those of 14 in the order of PostgREST's own dump: https://docs.postgrest.org/en/v14/references/configuration.html */
export const SETTINGS: readonly Setting[] = [
  {
    name: "db-aggregates-enabled",
    type: "boolean",
    default: "false",
    isReloadable: true,
    isInDatabase: true,
    option: "postgres:aggregates",
    description: "Allow sum(), avg(), count(), max() and min() in select",
  },
  {
    name: "db-anon-role",
    type: "text",
    default: "",
    isReloadable: true,
    isInDatabase: true,
    option: "postgres:anonRole",
    description: "Role of requests without a token; none: they are refused",
  },
  {
    name: "db-channel",
    type: "text",
    default: "pgrst",
    isReloadable: true,
    option: "postgres:reloadChannel",
    description: "Channel for NOTIFY 'reload schema' and 'reload config'",
  },
  {
    name: "db-channel-enabled",
    type: "boolean",
    default: "true",
    isReloadable: true,
    description: "Listen on that channel",
  },
  {
    name: "db-extra-search-path",
    type: "list",
    default: "public",
    isReloadable: true,
    isInDatabase: true,
    isEmptyable: true,
    option: "postgres:extraSearchPath",
    description: "Schemas that functions and operators are also looked up in, without being served",
  },
  {
    name: "db-hoisted-tx-settings",
    type: "list",
    default: "statement_timeout,plan_filter.statement_cost_limit,default_transaction_isolation",
    isReloadable: true,
    isInDatabase: true,
    unsupported: "is not supported yet",
    description: "Settings of functions that apply to the whole transaction",
  },
  {
    name: "db-max-rows",
    type: "integer",
    default: "",
    isReloadable: true,
    isInDatabase: true,
    alias: "max-rows",
    option: "postgres:maxRows",
    description: "Most rows that one request answers",
  },
  {
    name: "db-plan-enabled",
    type: "boolean",
    default: "false",
    isReloadable: true,
    isInDatabase: true,
    option: "postgres:planEnabled",
    description: "Answer Accept: application/vnd.pgrst.plan with the execution plan",
  },
  { name: "db-pool", type: "integer", default: "10", option: "postgres:pool.max", description: "Most connections" },
  {
    name: "db-pool-acquisition-timeout",
    type: "integer",
    default: "10",
    option: "postgres:pool.acquireTimeout",
    convert: seconds,
    description: "Seconds that a request waits for a connection",
  },
  {
    name: "db-pool-max-lifetime",
    type: "integer",
    default: "1800",
    option: "postgres:pool.maxLifetime",
    convert: seconds,
    description: "Seconds after which a connection is replaced",
  },
  {
    name: "db-pool-max-idletime",
    type: "integer",
    default: "30",
    alias: "db-pool-timeout",
    option: "postgres:pool.idleTimeout",
    convert: seconds,
    description: "Seconds after which an idle connection is closed",
  },
  {
    name: "db-pool-automatic-recovery",
    type: "boolean",
    default: "true",
    unsupported: "has no counterpart in hotpath, which always connects again",
    description: "Connect again when the database comes back",
  },
  {
    name: "db-pre-request",
    type: "text",
    default: "",
    isReloadable: true,
    isInDatabase: true,
    alias: "pre-request",
    option: "postgres:preRequest",
    description: "Function that is called in each request's transaction before its statement",
  },
  {
    name: "db-prepared-statements",
    type: "boolean",
    default: "true",
    isReloadable: true,
    isInDatabase: true,
    option: "postgres:pool.preparedStatements",
    description: "Prepare statements; to be switched off behind a pooler of transactions",
  },
  {
    name: "db-root-spec",
    type: "text",
    default: "",
    isReloadable: true,
    isInDatabase: true,
    alias: "root-spec",
    option: "postgres:rootFunction",
    description: "Function that answers / in place of the OpenAPI document",
  },
  {
    name: "db-schemas",
    type: "list",
    default: "public",
    isReloadable: true,
    isInDatabase: true,
    alias: "db-schema",
    option: "postgres:schemas",
    description: "Schemas that are served; the first is the default",
  },
  {
    name: "db-config",
    type: "boolean",
    default: "true",
    isReloadable: true,
    description: "Read settings from the database, too",
  },
  {
    name: "db-pre-config",
    type: "text",
    default: "",
    isReloadable: true,
    isInDatabase: true,
    description: "Function that sets them",
  },
  {
    name: "db-tx-end",
    type: "text",
    default: "commit",
    isReloadable: true,
    isInDatabase: true,
    check: checkTxEnd,
    option: "postgres:txEnd",
    description: "How transactions end: commit or rollback, either with -allow-override for Prefer: tx=",
  },
  {
    name: "db-uri",
    type: "text",
    default: "postgresql://",
    description: "The database, as a URL or keyword=value; @FILE reads it from a file",
  },
  {
    name: "jwt-aud",
    type: "text",
    default: "",
    isReloadable: true,
    isInDatabase: true,
    check: checkAudience,
    option: "server:auth.jwt.audience",
    convert: one,
    description: "Audience that tokens must name",
  },
  {
    name: "jwt-role-claim-key",
    type: "text",
    default: ".role",
    isReloadable: true,
    isInDatabase: true,
    alias: "role-claim-key",
    check: checkRolePath,
    option: "server:auth.jwt.roleClaim",
    description: "Where the role stands among the claims",
  },
  {
    name: "jwt-secret",
    type: "text",
    default: "",
    isReloadable: true,
    isInDatabase: true,
    option: "server:auth.jwt.secret",
    description: "Key of tokens: a text of at least 32 characters, a JWK or a JWK set; @FILE reads it from a file",
  },
  {
    name: "jwt-secret-is-base64",
    type: "boolean",
    default: "false",
    isReloadable: true,
    isInDatabase: true,
    alias: "secret-is-base64",
    option: "server:auth.jwt.secretIsBase64",
    description: "The key is written in base64",
  },
  {
    name: "jwt-cache-max-entries",
    type: "integer",
    default: "1000",
    isReloadable: true,
    isInDatabase: true,
    option: "server:auth.jwt.maxCached",
    description: "Verified tokens that are remembered",
  },
  {
    name: "log-level",
    type: "text",
    default: "error",
    check: checkLogLevel,
    description: "crit, error, warn, info or debug",
  },
  {
    name: "log-query",
    type: "boolean",
    default: "false",
    isReloadable: true,
    description: "Log the statements of the requests that are logged",
  },
  {
    name: "openapi-mode",
    type: "text",
    default: "follow-privileges",
    isReloadable: true,
    isInDatabase: true,
    check: checkOpenApiMode,
    option: "postgres:openapi.mode",
    description: "What / shows: follow-privileges, ignore-privileges or disabled",
  },
  {
    name: "openapi-security-active",
    type: "boolean",
    default: "false",
    isReloadable: true,
    isInDatabase: true,
    option: "postgres:openapi.securityActive",
    description: "Name the security scheme at /",
  },
  {
    name: "openapi-server-proxy-uri",
    type: "text",
    default: "",
    isReloadable: true,
    isInDatabase: true,
    check: checkProxyUri,
    option: "postgres:openapi.proxyUri",
    description: "Public address that / tells",
  },
  {
    name: "server-cors-allowed-origins",
    type: "list",
    default: "",
    isReloadable: true,
    isInDatabase: true,
    option: "server:cors.allowedOrigins",
    description: "Origins whose pages may call; none: those of any",
  },
  {
    name: "server-host",
    type: "text",
    default: "!4",
    option: "server:server.host",
    convert: toHost,
    description: "Address to listen on; !4 is any of IPv4, * any at all",
  },
  {
    name: "server-port",
    type: "integer",
    default: "3000",
    option: "server:server.port",
    description: "Port to listen on; 0 takes a free one",
  },
  {
    name: "server-trace-header",
    type: "text",
    default: "",
    isReloadable: true,
    isInDatabase: true,
    option: "server:http.traceHeader",
    description: "Request header that is sent back",
  },
  {
    name: "server-timing-enabled",
    type: "boolean",
    default: "false",
    isReloadable: true,
    isInDatabase: true,
    option: "server:http.serverTiming",
    description: "Send Server-Timing",
  },
  {
    name: "server-unix-socket",
    type: "text",
    default: "",
    option: "server:server.socket",
    description: "Unix socket to listen on in place of host and port",
  },
  {
    name: "server-unix-socket-mode",
    type: "text",
    default: "660",
    check: (text) => checkMode(text, "server-unix-socket-mode"),
    option: "server:server.socketMode",
    description: "Its file mode",
  },
  {
    name: "admin-server-host",
    type: "text",
    default: "",
    option: "server:admin.host",
    convert: toHost,
    description: "Address of the listener for operators; that of the server where none is given",
  },
  {
    name: "admin-server-port",
    type: "integer",
    default: "",
    option: "server:admin.port",
    description: "Port of the listener for operators, which is off without one",
  },
  {
    name: "admin-server-unix-socket",
    type: "text",
    default: "",
    isLater: true,
    option: "server:admin.socket",
    description: "Unix socket of the listener for operators in place of host and port",
  },
  {
    name: "admin-server-unix-socket-mode",
    type: "text",
    default: "660",
    isLater: true,
    check: (text) => checkMode(text, "admin-server-unix-socket-mode"),
    option: "server:admin.socketMode",
    description: "Its file mode",
  },
  {
    name: "client-error-verbosity",
    type: "text",
    default: "verbose",
    isReloadable: true,
    isInDatabase: true,
    isLater: true,
    check: checkVerbosity,
    option: "postgres:errorVerbosity",
    description: "verbose, or minimal for errors of code and message alone",
  },
  {
    name: "server-reuseport",
    type: "boolean",
    default: "false",
    isLater: true,
    option: "server:server.reusePort",
    description: "Let several processes listen on the same port",
  },
  {
    name: "url-use-legacy-target-names",
    type: "boolean",
    default: "true",
    isReloadable: true,
    isInDatabase: true,
    isLater: true,
    unsupported: "has no effect: an embedded relation that has an alias may always be named by its own name, too",
    description: "Let filters name an embedded relation that has an alias by its own name",
  },
];
