import { rememberLast } from "./remember-last.ts";
import { listElementEnd, listElementStart, readValue, tokenEnd, whitespaceEnd } from "./syntax.ts";

/** The directives of `Cache-Control` (RFC 9111 section 5.2, RFC 5861, RFC 8246); unknown ones are left out. Times in seconds. */
export interface CacheControl {
  /** An argument that is no number of seconds counts as 0 here and below: invalid freshness is none (section 4.2.1). */
  readonly maxAge: number | undefined;
  readonly sMaxage: number | undefined;
  readonly staleWhileRevalidate: number | undefined;
  readonly staleIfError: number | undefined;
  readonly minFresh: number | undefined;
  /** Infinite where no limit is given. */
  readonly maxStale: number | undefined;
  /** `true` for the whole reply, or the fields (lower case) that it is limited to. */
  readonly noCache: boolean | readonly string[];
  /** As `noCache`. */
  readonly private: boolean | readonly string[];
  readonly noStore: boolean;
  readonly noTransform: boolean;
  readonly mustRevalidate: boolean;
  readonly proxyRevalidate: boolean;
  readonly mustUnderstand: boolean;
  readonly public: boolean;
  readonly immutable: boolean;
  readonly onlyIfCached: boolean;
}

/** What a message without any directive says. */
export const NO_DIRECTIVES: CacheControl = Object.freeze({
  maxAge: undefined,
  sMaxage: undefined,
  staleWhileRevalidate: undefined,
  staleIfError: undefined,
  minFresh: undefined,
  maxStale: undefined,
  noCache: false,
  private: false,
  noStore: false,
  noTransform: false,
  mustRevalidate: false,
  proxyRevalidate: false,
  mustUnderstand: false,
  public: false,
  immutable: false,
  onlyIfCached: false,
});

/** Longer times mean this one: 2^31 seconds, 68 years (RFC 9111 section 1.2.2). */
export const LONGEST_SECONDS = 2_147_483_648;

/**
 * Parses `Cache-Control` of a request or a reply. What is malformed counts in the careful way: a time as 0, a list of fields as all
 * of them. Of a time given twice the shorter counts, which is the first, or staler than it (section 4.2.1). Never throws.
 */
export function parseCacheControl(value: string | readonly string[] | undefined): CacheControl {
  if (value === undefined || value.length === 0) return NO_DIRECTIVES;
  return parsedOnce(typeof value === "string" ? value : value.join(", "));
}

/** An application has a handful of values. */
const parsedOnce = rememberLast(parseDirectives, 100);

function parseDirectives(text: string): CacheControl {
  const control: Draft = { ...NO_DIRECTIVES };
  const findEnd = hasOpenQuote(text, 0) ? commaFrom : listElementEnd;
  let at = listElementStart(text, 0);
  while (at < text.length) {
    const nameEnd = tokenEnd(text, at);
    const end = findEnd(text, nameEnd);
    if (nameEnd > at) addDirective(control, text.slice(at, nameEnd).toLowerCase(), readArgument(text, nameEnd, end));
    at = listElementStart(text, end);
  }
  return control;
}

/** The argument of a directive: `undefined` where there is none, `malformed` where it is neither token nor quoted string. */
export type DirectiveArgument = { readonly text: string } | "malformed" | undefined;

/** Adds a directive to those gathered so far. Used for `Cache-Control` and for targeted fields (RFC 9213). */
export function addDirective(control: Draft, name: string, argument: DirectiveArgument): void {
  const time = TIMES[name];
  if (time !== undefined) {
    if (argument === undefined && time === "maxStale") control.maxStale ??= Number.POSITIVE_INFINITY;
    else control[time] = Math.min(control[time] ?? LONGEST_SECONDS, toSeconds(argument, time));
    return;
  }
  const flag = FLAGS[name];
  if (flag !== undefined) control[flag] = true;
  else if (name === "no-cache") control.noCache = addFields(control.noCache, argument);
  else if (name === "private") control.private = addFields(control.private, argument);
}

/** Directives being gathered. */
export type Draft = { -readonly [Name in keyof CacheControl]: CacheControl[Name] };

const TIMES: Readonly<Record<string, Time>> = {
  __proto__: null as never,
  "max-age": "maxAge",
  "s-maxage": "sMaxage",
  "stale-while-revalidate": "staleWhileRevalidate",
  "stale-if-error": "staleIfError",
  "min-fresh": "minFresh",
  "max-stale": "maxStale",
};
type Time = "maxAge" | "sMaxage" | "staleWhileRevalidate" | "staleIfError" | "minFresh" | "maxStale";

const FLAGS: Readonly<Record<string, Flag>> = {
  __proto__: null as never,
  "no-store": "noStore",
  "no-transform": "noTransform",
  "must-revalidate": "mustRevalidate",
  "proxy-revalidate": "proxyRevalidate",
  "must-understand": "mustUnderstand",
  "only-if-cached": "onlyIfCached",
  public: "public",
  immutable: "immutable",
};
type Flag = {
  [Name in keyof CacheControl]: CacheControl[Name] extends boolean ? Name : never;
}[keyof CacheControl];

/** Whether a quoted string from here on never closes. It must not swallow what follows, which could be `no-store`. */
function hasOpenQuote(text: string, from: number): boolean {
  let quote = text.indexOf('"', from);
  while (quote !== -1) {
    const quoted = readValue(text, quote);
    if (quoted === undefined) return true;
    quote = text.indexOf('"', quoted.end);
  }
  return false;
}

function commaFrom(text: string, from: number): number {
  const comma = text.indexOf(",", from);
  return comma === -1 ? text.length : comma;
}

function readArgument(text: string, from: number, end: number): DirectiveArgument {
  if (whitespaceEnd(text, from) >= end) return undefined;
  const value = text[from] === "=" ? readValue(text, from + 1) : undefined;
  return value === undefined || whitespaceEnd(text, value.end) !== end ? "malformed" : { text: value.value };
}

function toSeconds(argument: DirectiveArgument, time: Time): number {
  const digits = typeof argument === "object" && /^\d+$/.test(argument.text) ? argument.text : undefined;
  // A demand on freshness that cannot be read is taken as the strictest one.
  if (digits === undefined) return time === "minFresh" ? LONGEST_SECONDS : 0;
  return Math.min(LONGEST_SECONDS, Number(digits));
}

function addFields(current: boolean | readonly string[], argument: DirectiveArgument): boolean | readonly string[] {
  if (current === true || argument === undefined || argument === "malformed") return true;
  const names = argument.text
    .split(",")
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== "");
  return names.length === 0 ? true : [...(current === false ? [] : current), ...names];
}
