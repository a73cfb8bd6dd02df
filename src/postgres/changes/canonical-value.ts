import { hash } from "node:crypto";

/** Types of which it is certain when two texts mean the same value to `=`. */
export type ExactType = "integer" | "uuid" | "boolean" | "date" | "text";

/**
 * The exact type with this `oid`, if it is one. All others are left alone: `1.0 = 1.00`, equal moments are spelled differently in
 * other time zones, `citext` and collations may ignore letter case, `char(n)` ignores spaces, and of types made by users nothing is known.
 */
export function exactTypeOf(typeOid: number): ExactType | undefined {
  return EXACT.get(typeOid);
}

const EXACT: ReadonlyMap<number, ExactType> = new Map([
  [16, "boolean"],
  [20, "integer"],
  [21, "integer"],
  [23, "integer"],
  [25, "text"],
  [1043, "text"],
  [1082, "date"],
  [2950, "uuid"],
]);

/**
 * One form for all texts of a value, as short as a tag may be: the same for what PostgreSQL prints and for what a request writes. `undefined`
 * where it is not certain.
 */
export function canonicalValue(type: ExactType, text: string): string | undefined {
  switch (type) {
    case "integer":
      return PLAIN_INTEGER.test(text) ? text : canonicalInteger(text);
    case "uuid":
      return UUID.test(text) ? text.toLowerCase() : undefined;
    case "boolean":
      return text === "t" || text === "true" ? "t" : text === "f" || text === "false" ? "f" : undefined;
    case "date":
      return DATE.test(text) ? text : undefined;
    case "text":
      return text.length > MOST_CHARACTERS ? `#${hash("sha256", text, "base64url").slice(0, 22)}` : text;
    default:
      return type satisfies never;
  }
}

const PLAIN_INTEGER = /^(?:0|-?[1-9]\d{0,18})$/;
const ANY_INTEGER = /^\s*([+-]?)0*(\d{1,19})\s*$/;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const DATE = /^\d{4}-\d{2}-\d{2}$/;

/** Tags hold 256 characters; beside the value there is a column's name. */
const MOST_CHARACTERS = 64;

/** Other forms that PostgreSQL reads, such as `0x10`, are left alone. */
function canonicalInteger(text: string): string | undefined {
  const match = ANY_INTEGER.exec(text);
  if (match === null) return undefined;
  const [, sign, digits = ""] = match;
  return sign === "-" && digits !== "0" ? `-${digits}` : digits;
}

/**
 * Whether a text may mean another value tomorrow: `now`, `today` and the like, which PostgreSQL resolves when it reads them as a date or a
 * time, also inside ranges and arrays.
 */
export function namesMoment(text: string): boolean {
  return MOMENT.test(text);
}

const MOMENT = /now|today|tomorrow|yesterday/i;
