import type { IncomingHttpHeaders } from "node:http";
import { rememberLast } from "./remember-last.ts";
import { parseVary } from "./vary.ts";
import { listElementEnd, listElementStart, parseWeight } from "./syntax.ts";

/**
 * Which request fields chose a reply, and with which values (RFC 9111 section 4.1): lower case, sorted, each value normalised,
 * `null` where the request had none.
 */
export type Selection = readonly (readonly [name: string, value: string | null])[];

/**
 * The selection of a reply with this `Vary` to a request with these fields.
 *
 * @returns `*` when no request can be told to select the same, so that the reply is of no use to a cache.
 */
export function toSelection(
  vary: string | readonly string[] | undefined,
  headers: Readonly<IncomingHttpHeaders>,
): Selection | "*" {
  if (vary === undefined) return EVERYTHING;
  const varied = toVaried(typeof vary === "string" ? vary : vary.join(","));
  if (varied === "*") return "*";
  const { names, ofNone } = varied;
  if (names.every((name) => headers[name] === undefined)) return ofNone;
  return names.map((name) => [name, normaliseField(name, headers[name])] as const);
}

/** The names in a `Vary` field, sorted, and the selection of requests that have none of these fields: most requests, which share it. */
const toVaried = rememberLast(
  (vary: string): { readonly names: readonly string[]; readonly ofNone: Selection } | "*" => {
    const parsed = parseVary(vary);
    if (parsed === "*" || parsed.length > MOST_FIELDS) return "*";
    const names = [...parsed].sort();
    return { names, ofNone: names.map((name) => [name, null] as const) };
  },
  100,
);

/**
 * Whether a request selects the reply that was selected so.
 *
 * @param contentLanguage of the reply: a request that likes exactly this language best selects it, too.
 */
export function isSelectedBy(
  selection: Selection,
  headers: Readonly<IncomingHttpHeaders>,
  contentLanguage?: string | readonly string[],
): boolean {
  for (const [name, value] of selection) {
    const own = headers[name];
    if (normaliseField(name, own) === value) continue;
    if (name !== "accept-language" || typeof own !== "string" || typeof contentLanguage !== "string") return false;
    if (bestLanguage(own) !== contentLanguage.trim().toLowerCase()) return false;
  }
  return true;
}

/**
 * A field's value so that equal ones mean the same (RFC 9111 section 4.1): optional whitespace goes everywhere, and in lists of
 * preferences letter case, the order, weights of 1, and how weights are written.
 */
export function normaliseField(name: string, value: string | readonly string[] | undefined): string | null {
  if (value === undefined) return null;
  const text = typeof value === "string" ? value : value.join(",");
  switch (name) {
    case "accept-encoding":
    case "accept-language":
    case "accept-charset":
      return normalisePreferences(text);
    case "accept":
      // A parameter's value may be case-sensitive.
      return elementsOf(text).sort().join(",");
    default:
      return text.includes(",") || text.startsWith(" ") || text.endsWith(" ") ? elementsOf(text).join(",") : text;
  }
}

const EVERYTHING: Selection = [];

/** Replies that vary on more fields are in effect never selected again. */
const MOST_FIELDS = 32;

function normalisePreferences(text: string): string {
  const preferences = elementsOf(text.toLowerCase()).map((element) => {
    const { name, quality } = toPreference(element);
    return quality === 1 ? name : `${name};q=${quality}`;
  });
  // An element of white space that HTTP does not know (U+00A0) is empty only now.
  return [...new Set(preferences)]
    .filter((preference) => preference !== "")
    .sort()
    .join(",");
}

/** The one language that a request prefers to all others; `undefined` where two are liked equally or the first is `*`. */
function bestLanguage(text: string): string | undefined {
  let best: string | undefined;
  let bestQuality = 0;
  for (const element of elementsOf(text.toLowerCase())) {
    const { name, quality } = toPreference(element);
    if (quality > bestQuality) {
      best = name;
      bestQuality = quality;
    } else if (quality === bestQuality) best = undefined;
  }
  return best === "*" ? undefined : best;
}

function toPreference(element: string): { readonly name: string; readonly quality: number } {
  const [name = "", ...parameters] = element.split(";").map((part) => part.trim());
  const weight = parameters.length === 1 && parameters[0]?.startsWith("q=") ? parseWeight(parameters[0].slice(2)) : 1;
  // What cannot be read is left as it is, so that it equals only itself.
  return parameters.length > 1 || weight === undefined ? { name: element, quality: 1 } : { name, quality: weight };
}

/** The elements of a list without whitespace around them and without empty ones. */
function elementsOf(text: string): string[] {
  const elements: string[] = [];
  let at = listElementStart(text, 0);
  while (at < text.length) {
    const end = listElementEnd(text, at);
    elements.push(text.slice(at, contentEnd(text, at, end)));
    at = listElementStart(text, end);
  }
  return elements;
}

function contentEnd(text: string, from: number, end: number): number {
  let at = end;
  while (at > from && (text[at - 1] === " " || text[at - 1] === "\t")) at--;
  return at;
}
