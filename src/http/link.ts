import { isToken, readValue, tokenEnd, whitespaceEnd } from "./syntax.ts";

/** One link of a `Link` field (RFC 8288 section 3). */
export interface Link {
  /** URI reference, as in the field: relative ones are not resolved. */
  readonly target: string;
  /**
   * By name in lower case; of a name given twice the first counts. An extended value (`title*`, RFC 8187) stands decoded
   * under its plain name, where it takes precedence over the plain value.
   */
  readonly parameters: ReadonlyMap<string, string>;
}

/** Parses a `Link` field; what is malformed is left out. Never throws. */
export function parseLink(value: string): Link[] {
  const links: Link[] = [];
  let at = value.indexOf("<");
  while (at !== -1) {
    const close = value.indexOf(">", at);
    if (close === -1) break;
    const { parameters, end } = readParameters(value, close + 1);
    links.push({ target: value.slice(at + 1, close).trim(), parameters });
    const comma = listEnd(value, end);
    at = value.indexOf("<", comma);
  }
  return links;
}

/** The target of the first link with a relation type, which is compared without regard to case. */
export function findLink(links: readonly Link[], relation: string): string | undefined {
  const wanted = relation.toLowerCase();
  for (const link of links) {
    const relations = link.parameters
      .get("rel")
      ?.toLowerCase()
      .split(/[ \t]+/);
    if (relations?.includes(wanted) === true) return link.target;
  }
  return undefined;
}

/**
 * Writes one link. Whatever cannot stand in the field is encoded: the result never breaks out of it.
 *
 * @param parameters e.g. `{ rel: "next", title: "Nächste Seite" }`. A name must be a token, else this throws a `TypeError`.
 */
export function formatLink(target: string, parameters: Readonly<Record<string, string>>): string {
  let link = `<${toUriReference(target)}>`;
  for (const [name, value] of Object.entries(parameters)) {
    if (!isToken(name)) throw new TypeError(`A Link parameter's name must be a token, not ${JSON.stringify(name)}.`);
    link += `; ${formatParameter(name, value)}`;
  }
  return link;
}

function readParameters(text: string, from: number): { parameters: ReadonlyMap<string, string>; end: number } {
  const parameters = new Map<string, string>();
  const extended = new Map<string, string>();
  let end = from;
  for (;;) {
    const separator = whitespaceEnd(text, end);
    if (text[separator] !== ";") break;
    const nameStart = whitespaceEnd(text, separator + 1);
    const nameEnd = tokenEnd(text, nameStart);
    end = nameEnd;
    if (nameEnd === nameStart) continue;
    const name = text.slice(nameStart, nameEnd).toLowerCase();
    // Whitespace around the equals sign is bad but known (RFC 8288 section 3).
    const equals = whitespaceEnd(text, nameEnd);
    const read = text[equals] === "=" ? readValue(text, whitespaceEnd(text, equals + 1)) : { value: "", end: nameEnd };
    if (read === undefined) break;
    end = read.end;
    const decoded = name.endsWith("*") ? decodeExtended(read.value) : undefined;
    if (decoded !== undefined) setFirst(extended, name.slice(0, -1), decoded);
    else if (!name.endsWith("*")) setFirst(parameters, name, read.value);
  }
  for (const [name, value] of extended) parameters.set(name, value);
  return { parameters, end };
}

/** The comma that separates this link from the next; skips what is malformed, but not over the next `<` behind a comma. */
function listEnd(text: string, from: number): number {
  const at = text.indexOf(",", from);
  return at === -1 ? text.length : at;
}

function setFirst(map: Map<string, string>, name: string, value: string): void {
  if (!map.has(name)) map.set(name, value);
}

/** Decodes `UTF-8'de'N%C3%A4chste` (RFC 8187); `undefined` when it is malformed or in another charset. */
function decodeExtended(value: string): string | undefined {
  const match = /^utf-8'[^']*'(.*)$/i.exec(value);
  if (match?.[1] === undefined) return undefined;
  try {
    return decodeURIComponent(match[1]);
  } catch {
    return undefined;
  }
}

function formatParameter(name: string, value: string): string {
  if (/^[\x20-\x7e]*$/.test(value)) return `${name}="${value.replace(/["\\]/g, "\\$&")}"`;
  const encoded = encodeURIComponent(value.toWellFormed()).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `${name}*=UTF-8''${encoded}`;
}

/** Percent-encodes what a URI reference cannot hold; what is encoded already stays. */
function toUriReference(target: string): string {
  return target.toWellFormed().replace(/[^\x21\x23-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e]+/g, encodeURIComponent);
}
