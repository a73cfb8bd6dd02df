/** How a column takes a member of a JSON object as a parameter of its own. */
export type MemberUse =
  /** The text of a string, what stands there for anything else: for a type's input function. */
  | "text"
  /** The JSON as it stands there: for json and jsonb, and what is made of them. */
  | "json"
  /** As `text`, but a JSON list or object is taken apart by the database alone: for arrays and composites. */
  | "structured";

/**
 * The members of a JSON object as parameters, in the order of `names`, exactly as `json_to_record` would read them; undefined
 * for a member that is missing. Answers nothing where only the database can say what a member means.
 *
 * @param text valid JSON, and an object.
 */
export function readMembers(
  text: string,
  names: readonly string[],
  uses: readonly MemberUse[],
): (string | null | undefined)[] | undefined {
  const places = memberPlaces(text);
  const values: (string | null | undefined)[] = [];
  for (let index = 0; index < names.length; index++) {
    const place = places.get(names[index] as string);
    if (place === undefined) {
      values.push(undefined);
      continue;
    }
    const raw = text.slice(place.start, place.end);
    const value = raw === "null" ? null : toParameter(raw, uses[index] as MemberUse);
    if (value === undefined) return undefined;
    values.push(value);
  }
  return values;
}

function toParameter(raw: string, use: MemberUse): string | undefined {
  const isString = raw.charCodeAt(0) === QUOTE;
  if (use === "json" || !isString) {
    // Not every escape is a character that the database can hold.
    return (use === "structured" && !isString) || raw.includes("\\u") ? undefined : raw;
  }
  if (!raw.includes("\\")) return raw.slice(1, -1);
  const text = JSON.parse(raw) as string;
  return text.includes("\0") || !text.isWellFormed() ? undefined : text;
}

interface Place {
  readonly start: number;
  readonly end: number;
}

/** Where each member's value stands; of members with one name the last counts. */
function memberPlaces(text: string): ReadonlyMap<string, Place> {
  const places = new Map<string, Place>();
  let at = skipSpace(text, skipSpace(text, 0) + 1);
  while (text.charCodeAt(at) !== CLOSE_BRACE) {
    const nameEnd = stringEnd(text, at);
    const raw = text.slice(at + 1, nameEnd - 1);
    const name = raw.includes("\\") ? (JSON.parse(`"${raw}"`) as string) : raw;
    const start = skipSpace(text, skipSpace(text, nameEnd) + 1);
    const end = valueEnd(text, start);
    places.set(name, { start, end });
    at = skipSpace(text, end);
    if (text.charCodeAt(at) === COMMA) at = skipSpace(text, at + 1);
  }
  return places;
}

function valueEnd(text: string, start: number): number {
  const first = text.charCodeAt(start);
  if (first === QUOTE) return stringEnd(text, start);
  if (first !== OPEN_BRACE && first !== OPEN_BRACKET) return scalarEnd(text, start);
  let depth = 0;
  for (let at = start; ; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = stringEnd(text, at) - 1;
    else if (code === OPEN_BRACE || code === OPEN_BRACKET) depth++;
    else if ((code === CLOSE_BRACE || code === CLOSE_BRACKET) && --depth === 0) return at + 1;
  }
}

/** Behind the quote that ends the string: one with an even number of backslashes before it. */
function stringEnd(text: string, start: number): number {
  let quote = text.indexOf('"', start + 1);
  for (; ; quote = text.indexOf('"', quote + 1)) {
    let before = quote - 1;
    while (text.charCodeAt(before) === BACKSLASH) before--;
    if ((quote - before) % 2 === 1) return quote + 1;
  }
}

function scalarEnd(text: string, start: number): number {
  let at = start;
  while (!ENDS_SCALAR.has(text.charCodeAt(at))) at++;
  return at;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (SPACES.has(text.charCodeAt(at))) at++;
  return at;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const SPACES: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);
const ENDS_SCALAR: ReadonlySet<number> = new Set([...SPACES, COMMA, CLOSE_BRACE]);
