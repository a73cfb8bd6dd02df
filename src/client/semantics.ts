import { freshenHeaders } from "../http/cache-update.ts";
import { type ExchangeTimes, type FreshnessRules, measureFreshness } from "../http/freshness.ts";
import type { ReplyHeaders } from "../http/message.ts";
import { isStorable, toStoredHeaders } from "../http/storable.ts";
import { isSelectedBy, normaliseField, type Selection, toSelection } from "../http/vary-key.ts";
import type { ClientRequest } from "./request.ts";
import type { StoredResponse } from "./store.ts";

/** What a response shows of itself before its body is there. */
export type ResponseHead = Pick<Response, "status" | "statusText" | "redirected" | "type">;

/**
 * What would be stored of a response: everything but the body. `undefined` where it must not be stored, or is of no use.
 */
export function toStorable(
  request: ClientRequest,
  response: ResponseHead,
  headers: Readonly<ReplyHeaders>,
  times: ExchangeTimes,
): Omit<StoredResponse, "body"> | undefined {
  const { status, statusText } = response;
  const isCrossOrigin = response.type === "cors";
  const vary = toSelection(headers["vary"], request.headers);
  if (request.method !== "GET" || status === 206 || vary === "*" || !isStorable(request, status, headers, RULES)) {
    return undefined;
  }
  // After redirects it belongs to another URL.
  if (response.redirected) return undefined;
  // Without `Date`, which other origins must expose, nobody knows how long it lay in the browser's own cache.
  if (isCrossOrigin && headers["date"] === undefined) return undefined;
  return {
    url: request.url,
    scope: request.scope,
    status,
    statusText,
    headers: toStoredHeaders(headers, RULES),
    vary,
    isCrossOrigin,
    freshness: measureFreshness(status, headers, times, RULES),
  };
}

/** A stored response after a 304 has confirmed it, or a 200 to HEAD. */
export function freshen(
  stored: StoredResponse,
  received: Readonly<ReplyHeaders>,
  times: ExchangeTimes,
): StoredResponse {
  const headers = freshenHeaders(stored.headers, received);
  return { ...stored, headers, freshness: measureFreshness(stored.status, headers, times, RULES) };
}

/** The conditions that validate a stored response; none where it has no validator. */
export function toConditions({ headers, isCrossOrigin }: StoredResponse): Record<string, string> {
  const conditions: Record<string, string> = {};
  // To another origin they would need a preflight. The browser's own cache validates without.
  if (isCrossOrigin) return conditions;
  const { etag, "last-modified": modified } = headers;
  if (typeof etag === "string") conditions["if-none-match"] = etag;
  if (typeof modified === "string") conditions["if-modified-since"] = modified;
  return conditions;
}

/** Whether a request selects a stored response. */
export function suits({ scope, vary, headers }: StoredResponse, request: ClientRequest): boolean {
  if (scope !== request.scope || (SENDS_UNSEEN_COOKIES && isByCookie(vary))) return false;
  return isSelectedBy(vary, request.headers, headers["content-language"]);
}

/** Whether a response to one request answers another one of the same URL and scope, stored or not. */
export function isShareable(headers: Readonly<ReplyHeaders>, from: ClientRequest, to: ClientRequest): boolean {
  if (/\bno-store\b/i.test(String(headers["cache-control"] ?? ""))) return false;
  const vary = toSelection(headers["vary"], from.headers);
  return vary !== "*" && isSelectedBy(vary, to.headers);
}

/**
 * Whether two requests will probably get the same response: the fields that the last one varied on are equal, or, where none is
 * known, all are.
 */
export function isAlike(one: ClientRequest, other: ClientRequest, known: StoredResponse | undefined): boolean {
  if (one.method !== other.method || one.scope !== other.scope) return false;
  const names = known?.vary.map(([name]) => name) ?? Object.keys({ ...one.headers, ...other.headers });
  return names.every((name) => normaliseField(name, one.headers[name]) === normaliseField(name, other.headers[name]));
}

/**
 * A private cache. It guesses no freshness: an API's reply that says nothing about it is validated at each use, since nobody can tell
 * from outside how often the data behind it changes.
 */
const RULES: FreshnessRules & { readonly isShared: false } = {
  isShared: false,
  targets: [],
  heuristicFraction: 0,
  heuristicMaxMs: 0,
};

/** Browsers send cookies that programs in them cannot see. */
const SENDS_UNSEEN_COOKIES = "document" in globalThis || "WorkerGlobalScope" in globalThis;

function isByCookie(vary: Selection): boolean {
  return vary.some(([name]) => name === "cookie");
}
