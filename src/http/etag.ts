import { createHash, hash } from "node:crypto";
import { listElementStart } from "./syntax.ts";

/**
 * Entity tags (RFC 9110 section 8.8.3).
 *
 * Tags made here are 22 characters of base64url, the first 132 bits of a SHA-256. With the instructions that today's processors
 * have for it, it is about as fast as SHA-1 and 1.6 to 2.6 times as fast as MD5, SHA-512 and BLAKE2 (docs/decisions.md has
 * the figures), and nobody can make two contents with one tag.
 */

const TAG_CHARACTERS = 22;
const QUOTE = 0x22;

/** An entity tag as parts. */
export interface EntityTag {
  readonly weak: boolean;
  /** What stands between the quotes. */
  readonly opaque: string;
}

/**
 * A strong entity tag of a representation.
 *
 * @param content its data before any content coding; a string counts as UTF-8.
 * @param metadata whatever else must change the tag, e.g. the media type: one line. The same content in two media types
 *   is two representations and needs two tags.
 */
export function tagContent(content: string | Uint8Array, metadata: string): string {
  // One call is half the cost of a short tag; long content is not worth copying for it.
  if (typeof content === "string" && content.length < JOINED_LENGTH) {
    return toTag(hash("sha256", `${metadata}\n${content}`, "base64url"));
  }
  const parts = tagParts(metadata);
  parts.update(content);
  return parts.end();
}

/** Makes the tag that `tagContent` makes of content that comes in parts, each a whole number of characters where it is text. */
export function tagParts(metadata: string): { update(part: string | Uint8Array): void; end(): string } {
  const sha = createHash("sha256").update(`${metadata}\n`);
  return {
    update: (part) => void sha.update(part),
    end: () => toTag(sha.digest("base64url")),
  };
}

/**
 * The fields of a reply that its tag covers beside its content: a 304 repeats none of them, so a change of any must change the tag. The
 * same rows can be a page of a longer list.
 */
export function tagMetadata(headers: Readonly<Record<string, string | string[] | undefined>>): string {
  return `${asText(headers["content-type"])} ${asText(headers["content-range"])} ${asText(headers["link"])}`;
}

function toTag(digest: string): string {
  return `"${digest.slice(0, TAG_CHARACTERS)}"`;
}

const JOINED_LENGTH = 16_384;

/**
 * The tag of a representation after a content coding: `"abc"` becomes `"abc-br"`. A weak tag stays as it is, since the
 * coded and the plain form are equivalent, which is all that it says.
 */
export function encodeTag(tag: string, coding: string): string {
  return tag.startsWith('"') && tag.length > 1 ? `${tag.slice(0, -1)}-${coding}"` : tag;
}

/** Undoes `encodeTag`: the tag of the plain representation. */
export function decodeTag(tag: string, codings: readonly string[]): string {
  for (const coding of codings) {
    if (tag.endsWith(`-${coding}"`)) return `${tag.slice(0, -coding.length - 2)}"`;
  }
  return tag;
}

/** Parses one entity tag; `undefined` when it is none. */
export function parseEntityTag(value: string): EntityTag | undefined {
  const end = entityTagEnd(value, 0);
  return end === value.length && end > 0 ? toEntityTag(value, 0, end) : undefined;
}

/**
 * Parses the value of `If-Match` or `If-None-Match`: `*`, or the well-formed tags of the list. What is malformed is
 * left out and so matches nothing. Never throws.
 */
export function parseTagList(value: string): readonly EntityTag[] | "*" {
  if (value.trim() === "*") return "*";
  const tags: EntityTag[] = [];
  eachTag(value, (start, end) => {
    tags.push(toEntityTag(value, start, end));
    return false;
  });
  return tags;
}

/** Whether two tags are equal and neither is weak (RFC 9110 section 8.8.3.2). */
export function matchesStrongly(one: string, other: string): boolean {
  return one === other && one.startsWith('"') && isEntityTag(one);
}

/** Whether two tags are equal but for weakness. */
export function matchesWeakly(one: string, other: string): boolean {
  return opaquePart(one) === opaquePart(other) && isEntityTag(one);
}

/** Whether a field value lists a tag, or is `*`. Allocates only where a listed tag has to be compared. */
export function listsTag(value: string, tag: string, comparison: "strong" | "weak"): boolean {
  // What a client sends nearly always: the one tag it was given.
  if (value === tag) return comparison === "weak" || tag.startsWith('"');
  if (value.trim() === "*") return true;
  const matches = comparison === "strong" ? matchesStrongly : matchesWeakly;
  return eachTag(value, (start, end) => matches(value.slice(start, end), tag));
}

function asText(value: string | string[] | undefined): string {
  return value === undefined ? "" : typeof value === "string" ? value : value.join(", ");
}

/** Calls `visit` with the bounds of each well-formed list element until it answers true. */
function eachTag(value: string, visit: (start: number, end: number) => boolean): boolean {
  let at = listElementStart(value, 0);
  while (at < value.length) {
    const end = entityTagEnd(value, at);
    // Commas may stand inside a tag, so a list element ends where its tag ends.
    const next = listElementStart(value, end);
    const isWhole = end > at && (end === value.length || /[, \t]/.test(value.charAt(end)));
    if (isWhole && (next === value.length || value.slice(end, next).includes(","))) {
      if (visit(at, end)) return true;
      at = next;
    } else {
      const comma = value.indexOf(",", Math.max(end, at));
      at = comma === -1 ? value.length : listElementStart(value, comma);
    }
  }
  return false;
}

/** Where the entity tag at `from` ends; `from` when there is none. */
function entityTagEnd(text: string, from: number): number {
  let at = text.startsWith("W/", from) ? from + 2 : from;
  if (text.charCodeAt(at) !== QUOTE) return from;
  at++;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at + 1;
    // etagc: visible ASCII but the quote, and obs-text.
    if (code < 0x21 || code === 0x7f || code > 0xff) return from;
    at++;
  }
  return from;
}

function toEntityTag(text: string, start: number, end: number): EntityTag {
  const weak = text.charCodeAt(start) !== QUOTE;
  return { weak, opaque: text.slice(start + (weak ? 3 : 1), end - 1) };
}

function isEntityTag(tag: string): boolean {
  return tag.length > 0 && entityTagEnd(tag, 0) === tag.length;
}

function opaquePart(tag: string): string {
  return tag.startsWith("W/") ? tag.slice(2) : tag;
}
