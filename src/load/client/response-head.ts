/** What a server sent is no HTTP/1.1 reply. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
}

const CR = 13;
const LF = 10;
const COLON = 58;
const SPACE = 32;
const TAB = 9;
/** Lower case of a letter; other bytes may change, which compares with nothing here. */
const LOWER = 0x20;

/** The head of a reply, as far as its framing needs it; the rest is read when someone asks. */
export class ResponseHead {
  status = 0;
  /** Where the head ends and content begins. */
  end = 0;
  /** -1: not stated. */
  contentLength = -1;
  isChunked = false;
  keepsAlive = true;

  /**
   * Reads the head that begins at `from`. False: it is not all there yet.
   *
   * @throws ProtocolError where framing is wrong or ambiguous
   */
  read(bytes: Uint8Array, from: number, to: number): boolean {
    if (to - from < 16) {
      if (to - from > 4 && !isVersion(bytes, from, Math.min(to - from, 7))) throw noReply();
      return false;
    }
    if (!isVersion(bytes, from, 7)) throw noReply();
    const minor = bytes[from + 7]! - 48;
    const hundreds = bytes[from + 9]! - 48;
    const tens = bytes[from + 10]! - 48;
    const ones = bytes[from + 11]! - 48;
    if (
      (minor !== 0 && minor !== 1) ||
      bytes[from + 8] !== SPACE ||
      !isDigit(hundreds) ||
      !isDigit(tens) ||
      !isDigit(ones)
    ) {
      throw noReply();
    }
    this.status = hundreds * 100 + tens * 10 + ones;
    this.contentLength = -1;
    this.isChunked = false;
    this.keepsAlive = minor === 1;
    let at = from + 12;
    for (;;) {
      while (at < to && bytes[at] !== LF) at++;
      at++;
      if (at + 1 >= to) return false;
      const first = bytes[at]!;
      if (first === CR) {
        if (bytes[at + 1] !== LF) throw new ProtocolError("a line of the head ends in a bare CR");
        this.end = at + 2;
        return true;
      }
      if (first === LF) throw new ProtocolError("the head ends in a bare LF");
      if (first === SPACE || first === TAB) throw new ProtocolError("a field is folded over two lines");
      const letter = first | LOWER;
      if (letter === 99 || letter === 116) {
        let end = at;
        while (end < to && bytes[end] !== LF) end++;
        if (end >= to) return false;
        this.#field(bytes, at, end);
        at = end;
      }
    }
  }

  #field(bytes: Uint8Array, from: number, end: number): void {
    let colon = from;
    while (colon < end && bytes[colon] !== COLON) colon++;
    const length = colon - from;
    if (length === 14 && isNamed(bytes, from, "content-length")) {
      const stated = wholeNumberOf(bytes, colon + 1, end);
      if (this.contentLength >= 0 && this.contentLength !== stated) throw new ProtocolError("two lengths are stated");
      this.contentLength = stated;
    } else if (length === 17 && isNamed(bytes, from, "transfer-encoding")) {
      const codings = valueOf(bytes, colon + 1, end)
        .toLowerCase()
        .split(/\s*,\s*/);
      if (codings.at(-1) !== "chunked" || codings.length > 1) {
        throw new ProtocolError("its Transfer-Encoding is not chunked alone");
      }
      this.isChunked = true;
    } else if (length === 10 && isNamed(bytes, from, "connection")) {
      const options = valueOf(bytes, colon + 1, end)
        .toLowerCase()
        .split(/\s*,\s*/);
      if (options.includes("close")) this.keepsAlive = false;
      else if (options.includes("keep-alive")) this.keepsAlive = true;
    }
  }
}

/** Fields of a head's text by their names in lower case; those that came several times stand in order. */
export function parseFields(head: string): Map<string, string[]> {
  const fields = new Map<string, string[]>();
  for (const line of head.split("\r\n").slice(1)) {
    const colon = line.indexOf(":");
    if (colon <= 0) continue;
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    const values = fields.get(name);
    if (values === undefined) fields.set(name, [value]);
    else values.push(value);
  }
  return fields;
}

function isVersion(bytes: Uint8Array, from: number, length: number): boolean {
  for (let at = 0; at < length; at++) if (bytes[from + at] !== "HTTP/1.".charCodeAt(at)) return false;
  return true;
}

function isNamed(bytes: Uint8Array, from: number, name: string): boolean {
  for (let at = 0; at < name.length; at++) {
    const byte = bytes[from + at]!;
    if (byte !== name.charCodeAt(at) && (byte | LOWER) !== name.charCodeAt(at)) return false;
  }
  return true;
}

/** Digits, at most 15 of them, alone between blanks. */
function wholeNumberOf(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && (bytes[at] === SPACE || bytes[at] === TAB)) at++;
  const first = at;
  let number = 0;
  for (; at < to && isDigit(bytes[at]! - 48); at++) number = number * 10 + bytes[at]! - 48;
  const digits = at - first;
  while (at < to && (bytes[at] === CR || bytes[at] === SPACE || bytes[at] === TAB)) at++;
  if (at === to && digits > 0 && digits <= 15) return number;
  throw new ProtocolError(`Content-Length is ${JSON.stringify(valueOf(bytes, from, to).slice(0, 40))}`);
}

function valueOf(bytes: Uint8Array, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && (bytes[start] === SPACE || bytes[start] === TAB)) start++;
  while (end > start && (bytes[end - 1] === CR || bytes[end - 1] === SPACE || bytes[end - 1] === TAB)) end--;
  let text = "";
  for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at]!);
  return text;
}

function isDigit(value: number): boolean {
  return value >= 0 && value <= 9;
}

function noReply(): ProtocolError {
  return new ProtocolError("it is no HTTP/1.1 reply");
}
