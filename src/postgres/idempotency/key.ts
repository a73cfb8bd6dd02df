import { createHash } from "node:crypto";
import type { SourceRequest } from "../../api/source-request.ts";
import { HotpathError } from "../../errors.ts";
import { parseItem } from "../../http/structured-fields.ts";

/** Longer keys identify nothing better. */
const MAX_KEY_CHARACTERS = 255;

/**
 * The key of `Idempotency-Key`: a String of structured fields (draft-ietf-httpapi-idempotency-key-header, section 2.1), or, as many
 * clients send it, the same without quotes.
 *
 * @throws HotpathError HP_IDEMPOTENCY_KEY_INVALID.
 */
export function parseIdempotencyKey(header: string): string {
  const item = parseItem(header)?.item;
  const key = item?.kind === "string" ? item.value : /^[\w.:~+/=-]+$/.test(header) ? header : "";
  if (key !== "" && key.length <= MAX_KEY_CHARACTERS) return key;
  throw new HotpathError(
    "HP_IDEMPOTENCY_KEY_INVALID",
    `Idempotency-Key is a quoted text of 1 to ${MAX_KEY_CHARACTERS} characters, such as a UUID.`,
  );
}

/**
 * Whose key it is: two requests of one user have the same scope also when their token was renewed in between. A digest, since claims may
 * be personal.
 */
export function scopeOf(role: string | null, { identity }: Pick<SourceRequest, "identity">): string {
  if (identity === undefined || identity.kind === "anonymous") return digest(["anonymous", role ?? ""]);
  const { kind, subject, claims } = identity;
  if (subject !== null) return digest([kind, role ?? "", JSON.stringify(claims["iss"]) ?? "", subject]);
  const lasting = Object.entries(claims).filter(([name]) => !OF_ONE_TOKEN.has(name));
  return digest([kind, role ?? "", JSON.stringify(lasting.sort(([one], [other]) => (one < other ? -1 : 1)))]);
}

/** Claims that change with each token (RFC 7519 section 4.1). */
const OF_ONE_TOKEN: ReadonlySet<string> = new Set(["exp", "nbf", "iat", "jti"]);

/** What must be the same in requests that share a key: all that decides what they do and what they are answered. */
export function fingerprintOf({ method, path, query, headers }: SourceRequest, content: string | Uint8Array): string {
  const { "content-type": type, accept, prefer, "content-profile": profile } = headers;
  const fields = [type, accept, Array.isArray(prefer) ? prefer.join(",") : prefer, profile];
  const hash = createHash("sha256").update(JSON.stringify([method, path, query, ...fields.map((each) => each ?? "")]));
  return hash.update(content).digest("base64url");
}

/** A number that PostgreSQL can lock by, the same on every node. */
export function lockOf(table: string, scope: string, key: string): string {
  const bytes = createHash("sha256")
    .update(JSON.stringify(["hotpath idempotency", table, scope, key]))
    .digest();
  return bytes.readBigInt64BE().toString();
}

function digest(parts: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64url");
}
