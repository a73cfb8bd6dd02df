import type { OptionScope } from "../api/option-table.ts";
import { HotpathError } from "../errors.ts";

/** A setting as given, and where: `PGRST_DB_POOL`, or `db-pool in FILE`. */
export interface GivenSetting {
  readonly value: string;
  readonly origin: string;
}

/** Brings a value from its text into the form of our option. */
export type Convert = (value: string, given: GivenSetting) => unknown;

/** A setting that becomes an option of ours, or, without `option`, one that other code below reads. */
export interface KnownSetting {
  readonly option?: `${OptionScope}:${string}`;
  readonly convert?: Convert;
  /** An empty value counts as given. */
  readonly isEmptyable?: boolean;
  /** Why it has no effect here; not said for the value in `silentFor`, which changes nothing. */
  readonly unsupported?: string;
  readonly silentFor?: string;
}

const boolean: Convert = (value, given) => {
  const letters = value.replace(/[^A-Za-z]/g, "").toLowerCase();
  if (letters === "true" || letters === "false") return letters === "true";
  if (/^\d+$/.test(value)) return Number(value) > 0;
  throw invalidSetting(given, "true or false");
};
const integer: Convert = (value, given) => {
  if (/^\d{1,10}$/.test(value)) return Number(value);
  throw invalidSetting(given, "a whole number");
};
const seconds: Convert = (value, given) => (integer(value, given) as number) * 1000;
const list: Convert = (value) => (value === "" ? [] : [...new Set(value.split(",").map((entry) => entry.trim()))]);
/** Warp's words for "any address": https://hackage.haskell.org/package/streaming-commons (HostPreference). */
const host: Convert = (value) =>
  value === "!4" || value === "*4" ? "0.0.0.0" : /^(\*|\*6|!6)$/.test(value) ? "::" : value;

/** Why a setting has no effect that will have one. */
export const LATER = "is not supported yet";
const NO_COUNTERPART = "has no counterpart in hotpath";

/** PostgREST's settings: https://docs.postgrest.org/en/stable/references/configuration.html */
export const SETTINGS: Readonly<Record<string, KnownSetting>> = {
  "admin-server-host": { option: "server:admin.host", convert: host },
  "admin-server-port": { option: "server:admin.port", convert: integer },
  "admin-server-unix-socket": { unsupported: LATER },
  "admin-server-unix-socket-mode": { unsupported: LATER },
  "client-error-verbosity": { unsupported: LATER, silentFor: "verbose" },
  "db-aggregates-enabled": { option: "postgres:aggregates", convert: boolean },
  "db-anon-role": { option: "postgres:anonRole" },
  "db-channel": { option: "postgres:reloadChannel" },
  "db-channel-enabled": { convert: boolean },
  "db-config": { unsupported: LATER, silentFor: "false" },
  "db-extra-search-path": { option: "postgres:extraSearchPath", convert: list, isEmptyable: true },
  "db-hoisted-tx-settings": { unsupported: LATER },
  "db-max-rows": { option: "postgres:maxRows", convert: integer },
  "db-plan-enabled": { option: "postgres:planEnabled", convert: boolean },
  "db-pool": { option: "postgres:pool.max", convert: integer },
  "db-pool-acquisition-timeout": { option: "postgres:pool.acquireTimeout", convert: seconds },
  "db-pool-automatic-recovery": { unsupported: `${NO_COUNTERPART}, which always recovers`, silentFor: "true" },
  "db-pool-max-idletime": { option: "postgres:pool.idleTimeout", convert: seconds },
  "db-pool-max-lifetime": { option: "postgres:pool.maxLifetime", convert: seconds },
  "db-pre-config": { unsupported: LATER },
  "db-pre-request": { option: "postgres:preRequest" },
  "db-prepared-statements": { option: "postgres:pool.preparedStatements", convert: boolean },
  "db-root-spec": { option: "postgres:rootFunction" },
  "db-schemas": { option: "postgres:schemas", convert: list },
  "db-tx-end": { option: "postgres:txEnd" },
  "db-uri": {},
  "jwt-aud": { option: "server:auth.jwt.audience", convert: (value) => [value] },
  "jwt-cache-max-entries": { option: "server:auth.jwt.maxCached", convert: integer },
  "jwt-role-claim-key": { option: "server:auth.jwt.roleClaim" },
  "jwt-secret": { option: "server:auth.jwt.secret" },
  "jwt-secret-is-base64": { option: "server:auth.jwt.secretIsBase64", convert: boolean },
  "log-level": {},
  "log-query": { unsupported: LATER, silentFor: "false" },
  "openapi-mode": { option: "postgres:openapi.mode" },
  "openapi-security-active": { option: "postgres:openapi.securityActive", convert: boolean },
  "openapi-server-proxy-uri": { option: "postgres:openapi.proxyUri" },
  "server-cors-allowed-origins": { option: "server:cors.allowedOrigins", convert: list },
  "server-host": { option: "server:server.host", convert: host },
  "server-port": { option: "server:server.port", convert: integer },
  "server-reuseport": { unsupported: LATER, silentFor: "false" },
  "server-timing-enabled": { option: "server:http.serverTiming", convert: boolean },
  "server-trace-header": { option: "server:http.traceHeader" },
  "server-unix-socket": { option: "server:server.socket" },
  "server-unix-socket-mode": { unsupported: LATER },
  "url-use-legacy-target-names": { unsupported: LATER, silentFor: "true" },
};

/** Older names that PostgREST still reads; the newer one comes first where both are given. */
export const ALIASES: Readonly<Record<string, string>> = {
  "db-pool-timeout": "db-pool-max-idletime",
  "db-schema": "db-schemas",
  "max-rows": "db-max-rows",
  "pre-request": "db-pre-request",
  "role-claim-key": "jwt-role-claim-key",
  "root-spec": "db-root-spec",
  "secret-is-base64": "jwt-secret-is-base64",
};

/** The error for a value that a setting does not allow. */
export function invalidSetting({ value, origin }: GivenSetting, allowed: string): HotpathError {
  const message = `${origin} must be ${allowed}; received ${JSON.stringify(value.slice(0, 100))}.`;
  return new HotpathError("HP_OPTION_INVALID", message, { todo: "See PostgREST's documentation of the setting." });
}
