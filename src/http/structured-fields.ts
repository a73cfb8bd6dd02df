/**
 * Structured field values (RFC 9651): parsing, strict as section 4.2 demands, since a field that fails must be ignored as a
 * whole. Serialisation is in `structured-fields-format.ts`.
 */

/** A value without its parameters. Dates are seconds since the epoch. */
export type BareItem =
  | { readonly kind: "integer" | "decimal" | "date"; readonly value: number }
  | { readonly kind: "string" | "token" | "display-string"; readonly value: string }
  | { readonly kind: "bytes"; readonly value: Uint8Array }
  | { readonly kind: "boolean"; readonly value: boolean };

/** Parameters in their order. */
export type Parameters = ReadonlyMap<string, BareItem>;

/** A value with parameters. */
export interface Item {
  readonly item: BareItem;
  readonly parameters: Parameters;
}

/** A list inside a list or dictionary. */
export interface InnerList {
  readonly items: readonly Item[];
  readonly parameters: Parameters;
}

/** A member of a list or dictionary. */
export type Member = Item | InnerList;

/** Parses an Item; `undefined` when the field is none and so has to be ignored. Never throws. */
export function parseItem(text: string): Item | undefined {
  return parseField(text, (scanner) => scanner.item());
}

/** Parses a List; the empty field is the empty list. `undefined` when it has to be ignored. Never throws. */
export function parseList(text: string): readonly Member[] | undefined {
  return parseField(text, (scanner) => scanner.list());
}

/** Parses a Dictionary; of a key given twice the last counts. `undefined` when it has to be ignored. Never throws. */
export function parseDictionary(text: string): ReadonlyMap<string, Member> | undefined {
  return parseField(text, (scanner) => scanner.dictionary());
}

function parseField<Value>(text: string, parse: (scanner: Scanner) => Value): Value | undefined {
  const scanner = new Scanner(text);
  try {
    scanner.skipSpaces();
    const value = parse(scanner);
    scanner.skipSpaces();
    return scanner.isAtEnd ? value : undefined;
  } catch (error) {
    if (error === MALFORMED) return undefined;
    throw error;
  }
}

const MALFORMED = new Error("no structured field");

const NO_PARAMETERS: Parameters = new Map();
const TRUE: BareItem = { kind: "boolean", value: true };

const KEY = /[a-z*][a-z0-9_\-.*]*/y;
const TOKEN = /[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*/y;
const NUMBER = /-?\d+(?:\.\d+)?/y;
const STRING = /"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"/y;
const BYTES = /:([A-Za-z0-9+/=]*):/y;
const DISPLAY = /%"((?:[\x20\x21\x23\x24\x26-\x7e]|%[0-9a-f]{2})*)"/y;
const INTEGER_DIGITS = 15;
const DECIMAL_DIGITS = 12;
const FRACTION_DIGITS = 3;

class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  skipSpaces(): void {
    while (this.#text[this.#at] === " ") this.#at++;
  }

  list(): Member[] {
    const members: Member[] = [];
    while (!this.isAtEnd) {
      members.push(this.#member());
      if (!this.#separator()) break;
    }
    return members;
  }

  dictionary(): Map<string, Member> {
    const members = new Map<string, Member>();
    while (!this.isAtEnd) {
      const key = this.#take(KEY)[0];
      // A key given again takes the place of its last occurrence.
      members.delete(key);
      members.set(key, this.#skip("=") ? this.#member() : { item: TRUE, parameters: this.#parameters() });
      if (!this.#separator()) break;
    }
    return members;
  }

  item(): Item {
    return { item: this.#bareItem(), parameters: this.#parameters() };
  }

  #member(): Member {
    return this.#text[this.#at] === "(" ? this.#innerList() : this.item();
  }

  #innerList(): InnerList {
    this.#at++;
    const items: Item[] = [];
    for (;;) {
      this.skipSpaces();
      if (this.#skip(")")) return { items, parameters: this.#parameters() };
      items.push(this.item());
      const next = this.#text[this.#at];
      if (next !== " " && next !== ")") throw MALFORMED;
    }
  }

  #parameters(): Parameters {
    if (this.#text[this.#at] !== ";") return NO_PARAMETERS;
    const parameters = new Map<string, BareItem>();
    while (this.#skip(";")) {
      this.skipSpaces();
      const key = this.#take(KEY)[0];
      parameters.delete(key);
      parameters.set(key, this.#skip("=") ? this.#bareItem() : TRUE);
    }
    return parameters;
  }

  #bareItem(): BareItem {
    switch (this.#text[this.#at]) {
      case '"':
        return { kind: "string", value: (this.#take(STRING)[1] ?? "").replace(/\\(.)/g, "$1") };
      case ":":
        return { kind: "bytes", value: toBytes(this.#take(BYTES)[1] ?? "") };
      case "?":
        this.#at++;
        if (this.#skip("1")) return TRUE;
        if (this.#skip("0")) return { kind: "boolean", value: false };
        throw MALFORMED;
      case "@": {
        this.#at++;
        const seconds = this.#number();
        if (seconds.kind !== "integer") throw MALFORMED;
        return { kind: "date", value: seconds.value };
      }
      case "%":
        return { kind: "display-string", value: toDisplayString(this.#take(DISPLAY)[1] ?? "") };
      default:
        return /[-\d]/.test(this.#text[this.#at] ?? "")
          ? this.#number()
          : { kind: "token", value: this.#take(TOKEN)[0] };
    }
  }

  #number(): { kind: "integer" | "decimal"; value: number } {
    const text = this.#take(NUMBER)[0];
    const [whole = "", fraction] = text.replace("-", "").split(".");
    if (this.#text[this.#at] === ".") throw MALFORMED;
    if (whole.length > (fraction === undefined ? INTEGER_DIGITS : DECIMAL_DIGITS)) throw MALFORMED;
    if (fraction !== undefined && fraction.length > FRACTION_DIGITS) throw MALFORMED;
    return { kind: fraction === undefined ? "integer" : "decimal", value: Number(text) };
  }

  /** Passes the comma between two members; `false` at the end of the field. A comma must be followed by a member. */
  #separator(): boolean {
    this.#skipWhitespace();
    if (this.isAtEnd) return false;
    if (!this.#skip(",")) throw MALFORMED;
    this.#skipWhitespace();
    if (this.isAtEnd) throw MALFORMED;
    return true;
  }

  #skipWhitespace(): void {
    while (this.#text[this.#at] === " " || this.#text[this.#at] === "\t") this.#at++;
  }

  #skip(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #take(expression: RegExp): RegExpExecArray {
    expression.lastIndex = this.#at;
    const match = expression.exec(this.#text);
    if (match === null) throw MALFORMED;
    this.#at = expression.lastIndex;
    return match;
  }
}

function toBytes(base64: string): Uint8Array {
  // First, so that what follows stays linear: padding is at the end or nowhere.
  if (/=[^=]/.test(base64)) throw MALFORMED;
  const plain = base64.replace(/=+$/, "");
  const binary = decodeBase64(plain);
  // Padding may be missing (section 4.2.7), but nothing may be left over.
  if (btoa(binary).replace(/=+$/, "") !== plain) throw MALFORMED;
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/** By what browsers have, too. */
function decodeBase64(text: string): string {
  try {
    return atob(text);
  } catch {
    throw MALFORMED;
  }
}

function toDisplayString(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    throw MALFORMED;
  }
}
