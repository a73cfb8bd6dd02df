import { isUtf8 } from "node:buffer";
import { parseMediaType } from "../../http/index.ts";
import { createCsvSplitter } from "./csv-splitter.ts";
import { formToJson } from "./form.ts";
import { isTooDeep } from "../../http/json-depth.ts";
import { invalidPayload, NO_JSON, TOO_DEEP } from "./invalid-payload.ts";
import { createJsonSplitter } from "./json-splitter.ts";
import { createLineSplitter } from "./line-splitter.ts";
import type { ListSplitter } from "./list-splitter.ts";

/** What a write is to store, as the database takes it. */
export interface Payload {
  /** A JSON object, or a list of objects. As received, where it was JSON. */
  readonly text: string;
  readonly isList: boolean;
  /** The members that every object has, in the order of their names; null where `columns` says what counts, and nobody looked. */
  readonly keys: readonly string[] | null;
}

/** `message`: Protocol Buffers, which are made JSON before anything else. */
export type PayloadType = "json" | "csv" | "lines" | "form" | "message";

/**
 * Reads a write's content: JSON, CSV, JSON lines or a form.
 *
 * @param namesColumns the request says which columns count, so that the objects need not be alike.
 * @throws DialectError PGRST102.
 */
export function parsePayload(content: Buffer, type: Exclude<PayloadType, "message">, namesColumns: boolean): Payload {
  if (type === "json") refuseDepth(content);
  if (type === "csv" || type === "lines") return listPayload(content, createListSplitter(type, Infinity), namesColumns);
  if (!isUtf8(content)) throw invalidPayload(type === "json" ? NO_JSON : "The content is not UTF-8");
  const text = content.toString();
  if (type === "form") return alike(formToJson(text));
  if (namesColumns) return { text, isList: !startsObject(content), keys: null };
  return alike(text);
}

/**
 * Takes content apart that is a list. Forms are none.
 *
 * @param fullBytes a list is handed out once it has so many bytes.
 */
export function createListSplitter(type: "json" | "csv" | "lines", fullBytes: number): ListSplitter {
  switch (type) {
    case "json":
      return createJsonSplitter(fullBytes);
    case "csv":
      return createCsvSplitter(fullBytes);
    case "lines":
      return createLineSplitter(fullBytes);
    default:
      return type satisfies never;
  }
}

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
    case "application/x-ndjson":
    case "application/jsonl":
      return "lines";
    case "application/x-www-form-urlencoded":
      return "form";
    case "application/x-protobuf":
    case "application/protobuf":
    case "application/vnd.google.protobuf":
      return "message";
  }
  throw invalidPayload(`Content-Type not acceptable: ${contentType}`);
}

const EMPTY: Payload = { text: "[]", isList: true, keys: [] };

function listPayload(content: Buffer, splitter: ListSplitter, namesColumns: boolean): Payload {
  const [text] = [...splitter.push(content), ...splitter.end()];
  if (text === undefined) return EMPTY;
  if (splitter.names !== undefined) return { text, isList: true, keys: sorted(splitter.names) };
  return namesColumns ? { text, isList: true, keys: null } : alike(text);
}

/** Objects with the same members. Parsed for their names alone: the text itself goes to the database, digits and all. */
function alike(text: string): Payload {
  const value = parseJson(text);
  if (Array.isArray(value)) return value.length === 0 ? EMPTY : { text, isList: true, keys: commonKeys(value) };
  // The dialect takes any other value for an empty list.
  return isObject(value) ? { text, isList: false, keys: Object.keys(value).sort() } : EMPTY;
}

/**
 * The members of all the objects of a list that is not empty, in the order of their names.
 *
 * @throws DialectError PGRST102 where they differ, or something is no object.
 */
export function commonKeys(list: readonly unknown[]): readonly string[] {
  const [first] = list;
  if (!isObject(first)) throw unlike();
  const keys = Object.keys(first);
  for (const item of list) if (!isObject(item) || !hasKeys(item, keys)) throw unlike();
  return keys.sort();
}

/** @throws DialectError PGRST102. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalidPayload(NO_JSON);
  }
}

/** @throws DialectError PGRST102 for JSON that is nested too deeply. */
export function refuseDepth(json: Uint8Array): void {
  if (isTooDeep(json)) throw invalidPayload(TOO_DEEP);
}

/** The refusal of objects with other members than the first. */
export function unlike(): Error {
  return invalidPayload("All object keys must match");
}

/** Names in the order in which they are written, each once. */
export function sorted(names: readonly string[]): readonly string[] {
  return [...new Set(names)].sort();
}

/** Whether JSON is an object, if it is anything. */
export function startsObject(content: Buffer): boolean {
  return content.find((byte) => byte > 0x20) === OPEN_BRACE;
}

function hasKeys(item: object, keys: readonly string[]): boolean {
  let count = 0;
  for (const _ in item) count++;
  return count === keys.length && keys.every((key) => Object.hasOwn(item, key));
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const OPEN_BRACE = 0x7b;
