import { isUtf8 } from "node:buffer";
import type { HttpRequest } from "../../http/message.ts";
import { DialectError } from "../dialect-error.ts";
import { invalidPayload } from "../payload/invalid-payload.ts";
import { parsePayload, refuseDepth } from "../payload/payload.ts";
import { readContent } from "../payload/read-content.ts";
import { parseQueryString, type QueryParameter, zeroByte } from "../query/query-string.ts";

/** What the content of a POST gives the function that it calls. */
export interface CallContent {
  /** `type/subtype`; JSON where the request does not say. */
  readonly mediaType: string;
  /** Names of the arguments, each once, in the order of their letters; null: `columns` names them. */
  readonly argumentNames: readonly string[] | null;
  /** The content as one parameter of the statement: a text, or bytes as PostgreSQL spells them. */
  readonly text: string;
  /** A JSON array, whose first element holds the arguments. */
  readonly isArray: boolean;
  /** JSON that cannot name arguments: only a function that takes it whole can be meant. */
  readonly isOpaque: boolean;
  /** The fields of a form, which are arguments as those in a query are. */
  readonly fields: readonly QueryParameter[];
}

const JSON_TYPE = "application/json";
const FORM_TYPE = "application/x-www-form-urlencoded";

/**
 * Reads a POST's content as arguments of a function.
 *
 * @param namesColumns the query's `columns` says which arguments the content holds, so that it need not be looked through.
 * @throws DialectError PGRST102 for content that is not of its type, or of a type that functions do not take.
 */
export async function readCallContent(
  request: Pick<HttpRequest, "body" | "takeContent" | "headers">,
  namesColumns: boolean,
): Promise<CallContent> {
  const bytes = await readContent(request);
  const { "content-type": contentType } = request.headers;
  const mediaType = (contentType ?? JSON_TYPE).split(";", 1)[0]!.trim().toLowerCase();
  const whole = { mediaType, argumentNames: [], isArray: false, isOpaque: false, fields: [] };
  switch (mediaType) {
    case "application/octet-stream":
      return { ...whole, text: `\\x${bytes.toString("hex")}` };
    case "text/plain":
    case "text/xml":
      return { ...whole, text: toText(bytes) };
    case FORM_TYPE: {
      const fields = parseQueryString(toText(bytes)).map((field) => ({ ...field, hasValue: true }));
      return { ...whole, text: "", fields, argumentNames: distinct(fields.map(({ name }) => name)) };
    }
    case "text/csv": {
      const { text, keys } = parsePayload(bytes, "csv", namesColumns);
      return { ...whole, text, argumentNames: keys, isArray: true };
    }
    case JSON_TYPE:
      return { ...whole, ...readJson(bytes, namesColumns) };
    default:
      throw invalidPayload(`Content-Type not acceptable: ${mediaType}`);
  }
}

/** The same of JSON that is at hand. */
export function jsonContent(bytes: Buffer, namesColumns: boolean): CallContent {
  return { mediaType: JSON_TYPE, fields: [], ...readJson(bytes, namesColumns) };
}

type JsonContent = Pick<CallContent, "text" | "argumentNames" | "isArray" | "isOpaque">;

function readJson(bytes: Buffer, namesColumns: boolean): JsonContent {
  refuseDepth(bytes);
  if (namesColumns) {
    const text = bytes.toString("utf8");
    return { text, argumentNames: null, isArray: !text.trimStart().startsWith("{"), isOpaque: false };
  }
  if (bytes.length === 0) return { text: "{}", argumentNames: [], isArray: false, isOpaque: false };
  const text = isUtf8(bytes) ? bytes.toString("utf8") : "";
  const value = parseJson(text);
  if (!Array.isArray(value)) {
    const names = isRecord(value) ? Object.keys(value) : [];
    return { text, argumentNames: distinct(names), isArray: false, isOpaque: false };
  }
  const [first, ...others] = value as readonly unknown[];
  if (first === undefined) return { text, argumentNames: [], isArray: true, isOpaque: false };
  const names = isRecord(first) ? Object.keys(first) : [];
  const isUniform = isRecord(first) && others.every((other) => isRecord(other) && hasKeys(other, first));
  return { text, argumentNames: distinct(names), isArray: true, isOpaque: !isUniform };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalidPayload("Empty or invalid json");
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function hasKeys(one: Record<string, unknown>, like: Record<string, unknown>): boolean {
  const keys = Object.keys(one);
  return keys.length === Object.keys(like).length && keys.every((key) => Object.hasOwn(like, key));
}

function distinct(names: readonly string[]): readonly string[] {
  return [...new Set(names)].sort();
}

/** @throws DialectError 22021, as the database would answer bytes that are no text. */
function toText(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw new DialectError("22021", 400, 'invalid byte sequence for encoding "UTF8"');
  if (bytes.includes(0)) throw zeroByte();
  return bytes.toString("utf8");
}
