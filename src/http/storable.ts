import type { CacheControl } from "./cache-control.ts";
import { withoutHopByHop } from "./hop-by-hop.ts";
import type { ReplyHeaders } from "./message.ts";
import { readReplyDirectives } from "./targeted.ts";

/** For whom a cache stores. */
export interface StorageRules {
  /** Many clients share it. */
  readonly isShared: boolean;
  /** Targeted fields it heeds (RFC 9213), lower case, the most specific first. */
  readonly targets: readonly string[];
  /**
   * Replies are kept apart by who asked, so that `Authorization` does not forbid storing them. Default `false`.
   */
  readonly isKeyedByIdentity?: boolean;
}

/** What of a request decides. */
export interface StorableRequest {
  readonly method: string;
  readonly headers: { readonly authorization?: string | undefined };
}

/**
 * Whether a reply may be stored (RFC 9111 section 3). Its content must have been received in full, which is the caller's to see; a 304
 * is never stored, and a 206 only by a cache that keeps parts.
 *
 * Stricter than the RFC in one thing: a shared cache keeps a reply with `Set-Cookie` only where the reply says `public`, has
 * `s-maxage`, or comes with a targeted field. Whoever sends a cookie with `max-age` alone mostly forgot the cookie, and the next
 * client would get the first one's session.
 */
export function isStorable(
  request: StorableRequest,
  status: number,
  headers: Readonly<ReplyHeaders>,
  rules: StorageRules,
): boolean {
  if (status < 200 || status === 304) return false;
  const { control, isTargeted } = readReplyDirectives(headers, rules.isShared ? rules.targets : []);
  if (control.mustUnderstand) {
    // Says what to do in place of `no-store` (section 5.2.2.3).
    if (!isUnderstoodStatus(status)) return false;
  } else if (control.noStore) return false;
  if (rules.isShared) {
    if (control.private === true) return false;
    if (request.headers.authorization !== undefined && rules.isKeyedByIdentity !== true && !isForAll(control))
      return false;
    if (setsCookie(headers, control) && !isTargeted && !control.public && control.sMaxage === undefined) return false;
  }
  if (request.method !== "GET" && request.method !== "HEAD") {
    // Section 9.3.3 of RFC 9110: explicit freshness is demanded.
    return request.method === "POST" && isExplicit(control, headers, isTargeted);
  }
  return (
    isExplicit(control, headers, isTargeted) || control.public || isHeuristicStatus(status) || control.noCache !== false
  );
}

/** Whether a reply may serve requests with and without `Authorization` alike (RFC 9111 section 3.5). */
export function isForAll(control: CacheControl): boolean {
  return control.public || control.mustRevalidate || control.sMaxage !== undefined;
}

/**
 * The fields of a reply that are stored (RFC 9111 section 3.1): none that concern a connection or a proxy, and none that
 * `no-cache="…"` or, in a shared cache, `private="…"` names.
 */
export function toStoredHeaders(headers: Readonly<ReplyHeaders>, rules: StorageRules): ReplyHeaders {
  const kept = withoutHopByHop(headers);
  const { control } = readReplyDirectives(headers, rules.isShared ? rules.targets : []);
  for (const name of excludedFields(control, rules.isShared)) delete kept[name];
  return kept;
}

/** Whether a status allows a guess at freshness (RFC 9110 section 15.1). */
export function isHeuristicStatus(status: number): boolean {
  return HEURISTIC.has(status);
}

/** Whether what a status means for caching is known here, as `must-understand` demands. */
export function isUnderstoodStatus(status: number): boolean {
  return (
    (status >= 200 && status <= 206) ||
    (status >= 300 && status <= 308 && status !== 306) ||
    (status >= 400 && status <= 417) ||
    OTHER_UNDERSTOOD.has(status)
  );
}

const HEURISTIC = new Set([200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501]);
const OTHER_UNDERSTOOD = new Set([421, 422, 426, 428, 429, 431, 451, 500, 501, 502, 503, 504, 505, 511]);

function isExplicit(control: CacheControl, headers: Readonly<ReplyHeaders>, isTargeted: boolean): boolean {
  return (
    control.maxAge !== undefined || control.sMaxage !== undefined || (!isTargeted && headers["expires"] !== undefined)
  );
}

function setsCookie(headers: Readonly<ReplyHeaders>, control: CacheControl): boolean {
  return headers["set-cookie"] !== undefined && !excludedFields(control, true).includes("set-cookie");
}

function excludedFields(control: CacheControl, isShared: boolean): readonly string[] {
  const uncached = typeof control.noCache === "boolean" ? NONE : control.noCache;
  const withheld = !isShared || typeof control.private === "boolean" ? NONE : control.private;
  return uncached.length === 0 ? withheld : [...uncached, ...withheld];
}

const NONE: readonly string[] = [];
