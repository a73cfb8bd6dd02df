import { isUtf8 } from "node:buffer";
import { parseMediaType } from "../../http/index.ts";
import type { DialectError } from "../dialect-error.ts";
import { createCsvReader } from "./csv.ts";
import { formToJson } from "./form.ts";
import { invalidPayload } from "./invalid-payload.ts";

/** What a write is to store, as the database takes it. */
export interface Payload {
  /** A JSON object, or a list of objects. As received, where it was JSON. */
  readonly text: string;
  readonly isList: boolean;
  /** The members that every object has, in the order of their names; null where `columns` says what counts, and nobody looked. */
  readonly keys: readonly string[] | null;
}

/**
 * Reads a write's content by its media type: JSON, CSV or a form.
 *
 * @param namesColumns the request says which columns count, so that the objects need not be alike.
 * @throws DialectError PGRST102.
 */
export function parsePayload(content: Buffer, contentType: string | undefined, namesColumns: boolean): Payload {
  const type = payloadType(contentType);
  if (!isUtf8(content)) throw invalidPayload(type === "json" ? NO_JSON : "The content is not UTF-8");
  const text = content.toString();
  if (type === "csv") return csvPayload(text);
  if (type === "form") return alike(formToJson(text));
  if (namesColumns) return { text, isList: !startsObject(text), keys: null };
  return alike(text);
}

export type PayloadType = "json" | "csv" | "form";

/** @throws DialectError PGRST102 for a media type that no write has. */
export function payloadType(contentType: string | undefined): PayloadType {
  if (contentType === undefined || contentType === "application/json") return "json";
  const type = parseMediaType(contentType);
  switch (type === undefined ? contentType : `${type.type}/${type.subtype}`) {
    case "application/json":
      return "json";
    case "application/vnd.pgrst.array":
    case "application/vnd.pgrst.array+json":
      if (type?.parameters.get("nulls") === "stripped") break;
      return "json";
    case "text/csv":
      return "csv";
    case "application/x-www-form-urlencoded":
      return "form";
  }
  throw invalidPayload(`Content-Type not acceptable: ${contentType}`);
}

const NO_JSON = "Empty or invalid json";
const EMPTY: Payload = { text: "[]", isList: true, keys: [] };

function csvPayload(text: string): Payload {
  const reader = createCsvReader();
  const rows = [...reader.push(text), ...reader.end()];
  if (reader.names === undefined) throw invalidPayload("The CSV has no first line with the names of the columns.");
  return {
    text: `[${rows.join(",")}]`,
    isList: true,
    keys: rows.length === 0 ? [] : [...new Set(reader.names)].sort(),
  };
}

/** Objects with the same members. Parsed for their names alone: the text itself goes to the database, digits and all. */
function alike(text: string): Payload {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalidPayload(NO_JSON);
  }
  if (Array.isArray(value)) {
    const keys = commonKeys(value);
    return keys === null ? EMPTY : { text, isList: true, keys };
  }
  // The dialect takes any other value for an empty list.
  return isObject(value) ? { text, isList: false, keys: Object.keys(value).sort() } : EMPTY;
}

/**
 * The members of all the objects of a list; null for an empty list.
 *
 * @throws DialectError PGRST102 where they differ, or something is no object.
 */
export function commonKeys(list: readonly unknown[]): readonly string[] | null {
  const [first] = list;
  if (list.length === 0) return null;
  if (!isObject(first)) throw unlike();
  const keys = Object.keys(first);
  for (const item of list) if (!isObject(item) || !hasKeys(item, keys)) throw unlike();
  return keys.sort();
}

function hasKeys(item: object, keys: readonly string[]): boolean {
  let count = 0;
  for (const _ in item) count++;
  return count === keys.length && keys.every((key) => Object.hasOwn(item, key));
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function startsObject(text: string): boolean {
  return /^[ \t\n\r]*\{/.test(text);
}

function unlike(): DialectError {
  return invalidPayload("All object keys must match");
}
