import { addDirective, type CacheControl, type Draft, NO_DIRECTIVES, parseCacheControl } from "./cache-control.ts";
import type { ReplyHeaders } from "./message.ts";
import { rememberLast } from "./remember-last.ts";
import { type BareItem, parseDictionary } from "./structured-fields.ts";

/** What a reply says about caching to a cache that heeds certain targeted fields. */
export interface ReplyDirectives {
  readonly control: CacheControl;
  /** From a targeted field: `Cache-Control` and `Expires` are then of no account (RFC 9213 section 2.2). */
  readonly isTargeted: boolean;
}

/**
 * Reads what a reply says about caching: the first field of the target list that is there and valid, else `Cache-Control`.
 *
 * @param targets the cache's target list, lower case, the most specific first; empty for caches at the client.
 */
export function readReplyDirectives(
  headers: Readonly<ReplyHeaders>,
  targets: readonly string[] = NO_TARGETS,
): ReplyDirectives {
  for (const target of targets) {
    const value = headers[target];
    const control = value === undefined ? undefined : parseTargetedControl(value);
    if (control !== undefined) return { control, isTargeted: true };
  }
  return { control: parseCacheControl(headers["cache-control"]), isTargeted: false };
}

/**
 * Parses a targeted field such as `CDN-Cache-Control`, a Dictionary (RFC 9213 section 2.1). Fractions of a second are accepted.
 *
 * @returns `undefined` when the field is empty, malformed, or has a value of the wrong type, and so has to be ignored.
 */
export function parseTargetedControl(value: string | readonly string[]): CacheControl | undefined {
  return parsedOnce(typeof value === "string" ? value : value.join(", "));
}

/** An application has a handful of values. */
const parsedOnce = rememberLast(parseTargeted, 100);

function parseTargeted(text: string): CacheControl | undefined {
  const members = parseDictionary(text);
  if (members === undefined || members.size === 0) return undefined;
  const control: Draft = { ...NO_DIRECTIVES };
  for (const [name, member] of members) {
    if (!("item" in member) || !addMember(control, name, member.item)) return undefined;
  }
  return control;
}

const NO_TARGETS: readonly string[] = [];

/** Answers false when the value is of a type that the directive does not take. */
function addMember(control: Draft, name: string, { kind, value }: BareItem): boolean {
  if (kind === "boolean") {
    if (!value) return true;
    if (SECONDS.has(name) && name !== "max-stale") return false;
    addDirective(control, name, undefined);
    return true;
  }
  if (SECONDS.has(name)) {
    if (kind === "integer") addDirective(control, name, { text: String(value) });
    else if (kind === "decimal") addFraction(control, name, value);
    else return false;
    return true;
  }
  if (name === "no-cache" || name === "private") {
    if (kind !== "string" && kind !== "token") return false;
    addDirective(control, name, { text: value });
    return true;
  }
  // Flags take no value; extensions may have any.
  return !FLAGS.has(name);
}

function addFraction(control: Draft, name: string, seconds: number): void {
  const time = Math.max(0, seconds);
  if (name === "max-age") control.maxAge = time;
  else if (name === "s-maxage") control.sMaxage = time;
  else if (name === "stale-while-revalidate") control.staleWhileRevalidate = time;
  else if (name === "stale-if-error") control.staleIfError = time;
}

const SECONDS = new Set(["max-age", "s-maxage", "stale-while-revalidate", "stale-if-error", "min-fresh", "max-stale"]);
const FLAGS = new Set([
  "no-store",
  "no-transform",
  "must-revalidate",
  "proxy-revalidate",
  "must-understand",
  "only-if-cached",
  "public",
  "immutable",
]);
