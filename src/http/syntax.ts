/**
 * Scanning shared by the field parsers of this folder (RFC 9110 section 5.6). All of it moves forward only, so that
 * parsing is linear in the length of a field however it is malformed.
 */

const COMMA = 0x2c;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

const TOKEN_CODES = new Uint8Array(128);
for (const character of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
  TOKEN_CODES[character.charCodeAt(0)] = 1;
}

/** Where the token that begins at `from` ends; `from` itself when there is none (RFC 9110 section 5.6.2). */
export function tokenEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length && TOKEN_CODES[text.charCodeAt(at)] === 1) at++;
  return at;
}

/** Whether the whole text is one token. */
export function isToken(text: string): boolean {
  return text.length > 0 && tokenEnd(text, 0) === text.length;
}

/** Where optional whitespace that begins at `from` ends (RFC 9110 section 5.6.3). */
export function whitespaceEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length && isWhitespace(text.charCodeAt(at))) at++;
  return at;
}

/** The first position at or after `from` that is neither whitespace nor a comma: empty list elements are skipped. */
export function listElementStart(text: string, from: number): number {
  let at = from;
  while (at < text.length && (text.charCodeAt(at) === COMMA || isWhitespace(text.charCodeAt(at)))) at++;
  return at;
}

/** The comma, outside quoted strings, that ends the list element around `from`; the length of the text when there is none. */
export function listElementEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === COMMA) return at;
    at = code === QUOTE ? quotedEnd(text, at) : at + 1;
  }
  return at;
}

/** Reads the token or quoted string at `from`; `undefined` when there is neither. */
export function readValue(text: string, from: number): { readonly value: string; readonly end: number } | undefined {
  if (text.charCodeAt(from) === QUOTE) return readQuoted(text, from);
  const end = tokenEnd(text, from);
  return end === from ? undefined : { value: text.slice(from, end), end };
}

/** Reads the quoted string whose opening quote is at `from`, escapes removed; `undefined` when it does not end. */
export function readQuoted(text: string, from: number): { readonly value: string; readonly end: number } | undefined {
  const end = quotedEnd(text, from);
  if (end === from + 1 || text.charCodeAt(end - 1) !== QUOTE) return undefined;
  const raw = text.slice(from + 1, end - 1);
  // An escaped closing quote at the end of the text is no end.
  if (end === text.length && endsInsideEscape(raw)) return undefined;
  return { value: raw.includes("\\") ? raw.replace(/\\([^])/g, "$1") : raw, end };
}

/**
 * A weight (RFC 9110 section 12.4.2) between 0 and 1; `undefined` when it is none. More than three decimals and a
 * missing leading zero (`.5`) are accepted: old clients send them.
 */
export function parseWeight(text: string): number | undefined {
  if (text === "1") return 1;
  if (text.length > 32 || !/^(?:[01](?:\.\d*)?|\.\d+)$/.test(text)) return undefined;
  return Math.min(1, Number(text));
}

function quotedEnd(text: string, from: number): number {
  let at = from + 1;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at + 1;
    at += code === BACKSLASH ? 2 : 1;
  }
  return text.length;
}

function endsInsideEscape(raw: string): boolean {
  let backslashes = 0;
  while (raw.charCodeAt(raw.length - 1 - backslashes) === BACKSLASH) backslashes++;
  return backslashes % 2 === 1;
}

function isWhitespace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
