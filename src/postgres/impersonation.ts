import type { PostgresSettings } from "../api/settings.ts";
import type { SourceRequest } from "../api/source-request.ts";
import type { CredentialsRefused } from "../auth/refusal.ts";
import { claimsTextWithRole } from "../auth/identity.ts";
import { DialectError } from "./dialect-error.ts";

/** Who a request is in the database. */
export interface Impersonation {
  /** `null`: the connecting user. */
  readonly role: string | null;
  /** What policies see of them, as JSON. */
  readonly claims: string;
}

/**
 * The role that a request runs as: that of its credentials, else the anonymous one. Where the server can tell who asks, nobody becomes the
 * connecting user, who can mostly do anything, for lack of a role.
 *
 * @throws DialectError PGRST300 for a token that nothing can verify, PGRST302 where there is no role for the anonymous.
 */
export function impersonate(settings: PostgresSettings, { identity, headers }: SourceRequest): Impersonation {
  const { anonRole, allowAnonymous } = settings;
  if (identity === undefined) {
    // A request that shows a token must not pass as anonymous, where that means something.
    if (/^bearer\b/i.test(headers.authorization ?? "") && (anonRole !== null || !allowAnonymous)) throw noKeys();
    if (!allowAnonymous) throw anonymousRefused();
    return anonRole === null ? CONNECTING_USER : { role: anonRole, claims: JSON.stringify({ role: anonRole }) };
  }
  const { role } = identity;
  if (role === null) {
    if (anonRole === null) throw anonymousRefused();
    return { role: anonRole, claims: claimsTextWithRole(identity, anonRole) };
  }
  // To PostgreSQL this is no role but the word for the connecting user.
  if (role === "none") throw new DialectError("22023", 401, 'role "none" does not exist', { headers: BEARER });
  return { role, claims: identity.claimsText };
}

/** Whether lacking a privilege means 403, since showing credentials would not help: the request has a role of its own. */
export function isAuthenticated({ anonRole }: PostgresSettings, { identity }: SourceRequest): boolean {
  return identity !== undefined && (identity.role ?? anonRole) !== anonRole;
}

/** A refusal in the words of the dialect (PostgREST 14, "JWT errors"). */
export function toDialectRefusal(refusal: CredentialsRefused): DialectError {
  const { code, status, message, details, todo, headers } = refusal;
  if (code === "HP_JWT_UNSUPPORTED") return noKeys();
  const known = DIALECT_CODES[code];
  if (known !== undefined) return new DialectError(known, status, message, { details, headers });
  return new DialectError(code, status, message, { details, hint: todo, headers });
}

const DIALECT_CODES: Readonly<Record<string, string>> = {
  HP_JWT_INVALID: "PGRST301",
  HP_JWT_REFUSED: "PGRST303",
};

const BEARER = { "www-authenticate": "Bearer" };

const CONNECTING_USER: Impersonation = { role: null, claims: "{}" };

function noKeys(): DialectError {
  return new DialectError("PGRST300", 500, "Server lacks JWT secret");
}

function anonymousRefused(): DialectError {
  return new DialectError("PGRST302", 401, "Anonymous access is disabled", { headers: BEARER });
}
