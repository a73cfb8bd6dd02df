import type { CacheControl } from "./cache-control.ts";
import { parseHttpDate } from "./date.ts";
import type { ReplyHeaders } from "./message.ts";
import { rememberLast } from "./remember-last.ts";
import { isHeuristicStatus } from "./storable.ts";
import { readReplyDirectives } from "./targeted.ts";

/** How a cache reckons freshness. */
export interface FreshnessRules {
  /** Many clients share it, so `s-maxage`, `proxy-revalidate` and targeted fields apply. */
  readonly isShared: boolean;
  /** Targeted fields it heeds (RFC 9213), lower case, the most specific first. */
  readonly targets: readonly string[];
  /** Of the time since `Last-Modified`, the part that a reply without explicit freshness is taken for fresh; 0: never. */
  readonly heuristicFraction: number;
  /** The longest that heuristic may give, in milliseconds. */
  readonly heuristicMaxMs: number;
}

/** When a reply's exchange took place, in milliseconds since the epoch. */
export interface ExchangeTimes {
  readonly requestedAtMs: number;
  readonly receivedAtMs: number;
}

/** What decides whether a stored reply may be used, worked out once for each. Times in milliseconds. */
export interface Freshness {
  /** How long it is fresh, counted in age. */
  readonly lifetimeMs: number;
  /** `false`: the lifetime is a guess. */
  readonly isExplicit: boolean;
  /** Its age when it was received. */
  readonly initialAgeMs: number;
  readonly receivedAtMs: number;
  /** Must be validated at each use, fresh or not. */
  readonly isNoCache: boolean;
  /** Whether it may be used stale: never, only as its own stale-* directives allow, or also as clients and settings allow. */
  readonly staleUse: "never" | "as-said" | "free";
  readonly staleWhileRevalidateMs: number;
  /** `undefined` where the reply does not say. */
  readonly staleIfErrorMs: number | undefined;
}

/** Works out the freshness of a reply (RFC 9111 section 4.2). */
export function measureFreshness(
  status: number,
  headers: Readonly<ReplyHeaders>,
  times: ExchangeTimes,
  rules: FreshnessRules,
): Freshness {
  const { control, isTargeted } = readReplyDirectives(headers, rules.isShared ? rules.targets : []);
  const explicitMs = explicitLifetimeMs(headers, control, isTargeted, times, rules);
  return {
    lifetimeMs: explicitMs ?? heuristicLifetimeMs(status, headers, control, times, rules),
    isExplicit: explicitMs !== undefined,
    initialAgeMs: initialAgeMs(headers, times),
    receivedAtMs: times.receivedAtMs,
    isNoCache: control.noCache === true,
    staleUse: staleUse(control, rules.isShared),
    staleWhileRevalidateMs: (control.staleWhileRevalidate ?? 0) * 1000,
    staleIfErrorMs: control.staleIfError === undefined ? undefined : control.staleIfError * 1000,
  };
}

/** The age of a stored reply (RFC 9111 section 4.2.3). A clock that was set back makes nothing younger. */
export function ageMs(freshness: Freshness, nowMs: number): number {
  return freshness.initialAgeMs + Math.max(0, nowMs - freshness.receivedAtMs);
}

/**
 * How a stored reply may be used for a request: as it is, at once but refreshed behind the client's back, or only after
 * it was validated.
 */
export type Use = "fresh" | "refresh-behind" | "validate";

/** Judges a stored reply for a request with these directives (RFC 9111 sections 4.2.4 and 5.2.1, RFC 5861 section 3). */
export function judgeUse(freshness: Freshness, request: CacheControl, nowMs: number): Use {
  if (freshness.isNoCache || request.noCache === true) return "validate";
  const age = ageMs(freshness, nowMs);
  if (request.maxAge !== undefined && age > request.maxAge * 1000) return "validate";
  const staleMs = age - freshness.lifetimeMs;
  if (staleMs < 0 && (request.minFresh === undefined || -staleMs >= request.minFresh * 1000)) return "fresh";
  if (staleMs < 0 || request.minFresh !== undefined) return "validate";
  if (freshness.staleUse === "never") return "validate";
  if (request.maxStale !== undefined && freshness.staleUse === "free" && staleMs <= request.maxStale * 1000)
    return "fresh";
  return staleMs < freshness.staleWhileRevalidateMs && request.maxAge === undefined ? "refresh-behind" : "validate";
}

/**
 * Whether a stored reply may be served although it is stale because the source failed (RFC 5861 section 4).
 *
 * @param defaultMs for how long where neither reply nor request says; 0: not at all.
 */
export function mayServeOnError(
  freshness: Freshness,
  request: CacheControl,
  nowMs: number,
  defaultMs: number,
): boolean {
  if (freshness.isNoCache || request.noCache === true) return false;
  const staleMs = ageMs(freshness, nowMs) - freshness.lifetimeMs;
  if (staleMs < 0) return true;
  if (freshness.staleUse === "never") return false;
  if (freshness.staleIfErrorMs !== undefined) return staleMs <= freshness.staleIfErrorMs;
  // Neither may it be used so where it was never free to use without asking.
  if (freshness.staleUse === "as-said" || freshness.lifetimeMs === 0) return false;
  return staleMs <= (request.staleIfError === undefined ? defaultMs : request.staleIfError * 1000);
}

/**
 * Reads a date as caches must: letter case is of no account, anything else that is odd makes it invalid (RFC 9111 section 4.2).
 */
export function parseCacheDate(value: string): number | undefined {
  return parseHttpDate(value) ?? parseHttpDate(withDateCase(value));
}

/** Reads `Age`: the first member counts, one that is no number of seconds is ignored (RFC 9111 section 5.1). */
export function parseAge(value: string | readonly string[] | undefined): number | undefined {
  const first = (typeof value === "string" ? value : value?.[0])?.split(",", 1)[0]?.trim();
  return first !== undefined && /^\d+$/.test(first) ? Math.min(Number(first), LONGEST_AGE) : undefined;
}

const LONGEST_AGE = 2_147_483_648;

/**
 * `s-maxage` says to a shared cache what `proxy-revalidate` does (section 5.2.2.10), yet replies that carry it with a stale-*
 * directive mean both: there the directive is the permission.
 */
function staleUse(control: CacheControl, isShared: boolean): Freshness["staleUse"] {
  if (control.noCache === true || control.mustRevalidate || (isShared && control.proxyRevalidate)) return "never";
  return isShared && control.sMaxage !== undefined ? "as-said" : "free";
}

function explicitLifetimeMs(
  headers: Readonly<ReplyHeaders>,
  control: CacheControl,
  isTargeted: boolean,
  { receivedAtMs }: ExchangeTimes,
  { isShared }: FreshnessRules,
): number | undefined {
  if (isShared && control.sMaxage !== undefined) return control.sMaxage * 1000;
  if (control.maxAge !== undefined) return control.maxAge * 1000;
  const expires = headers["expires"];
  if (isTargeted || expires === undefined) return undefined;
  const expiresMs = typeof expires === "string" ? parseCacheDate(expires) : undefined;
  // An invalid date, and two of them, are in the past (section 5.3).
  if (expiresMs === undefined) return 0;
  return Math.max(0, expiresMs - (dateMs(headers) ?? receivedAtMs));
}

function heuristicLifetimeMs(
  status: number,
  headers: Readonly<ReplyHeaders>,
  control: CacheControl,
  { receivedAtMs }: ExchangeTimes,
  rules: FreshnessRules,
): number {
  // Section 4.2.2: statuses that allow it, or where the reply calls itself cacheable.
  if (rules.heuristicFraction === 0 || !(isHeuristicStatus(status) || control.public)) return 0;
  // `Pragma: no-cache` in a reply means nothing, but who sends it wants no guessing.
  if (asText(headers["pragma"]).toLowerCase().includes("no-cache")) return 0;
  const modifiedMs = parseCacheDate(asText(headers["last-modified"]));
  if (modifiedMs === undefined) return 0;
  const sinceMs = (dateMs(headers) ?? receivedAtMs) - modifiedMs;
  return Math.min(Math.max(0, sinceMs * rules.heuristicFraction), rules.heuristicMaxMs);
}

function initialAgeMs(headers: Readonly<ReplyHeaders>, { requestedAtMs, receivedAtMs }: ExchangeTimes): number {
  const apparentMs = Math.max(0, receivedAtMs - (dateMs(headers) ?? receivedAtMs));
  const delayMs = Math.max(0, receivedAtMs - requestedAtMs);
  const correctedMs = (parseAge(headers["age"]) ?? 0) * 1000 + delayMs;
  // `Date` has whole seconds, so that on its own every reply would be born up to a second old.
  return Math.max(apparentMs < 1000 ? 0 : apparentMs, correctedMs);
}

function dateMs(headers: Readonly<ReplyHeaders>): number | undefined {
  const date = headers["date"];
  return typeof date === "string" ? recallDate(date) : undefined;
}

/** Replies of one second have one date. */
const recallDate = rememberLast(parseCacheDate, 64);

/** `thu, 18 AUG 2050 02:01:18 gmt` as `Thu, 18 Aug 2050 02:01:18 GMT`. */
function withDateCase(value: string): string {
  if (value.length > LONGEST_DATE) return "";
  return value
    .toLowerCase()
    .replace(/[a-z]+/g, (word) => (word === "gmt" ? "GMT" : word.charAt(0).toUpperCase() + word.slice(1)));
}

const LONGEST_DATE = 40;

function asText(value: string | string[] | undefined): string {
  if (value === undefined) return "";
  return typeof value === "string" ? value : value.join(", ");
}
