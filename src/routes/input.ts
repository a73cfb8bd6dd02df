import type { SourceRequest } from "../api/source-request.ts";
import { HotpathError } from "../errors.ts";
import { hasContent } from "../http/content.ts";
import { parseMediaType } from "../http/media-type.ts";
import { InputInvalid } from "./failure.ts";
import type { StandardSchema } from "./standard-schema.ts";

/**
 * Has a schema read a part of the request: at once where the schema answers at once.
 *
 * @throws InputInvalid
 */
export function readPart(schema: StandardSchema | undefined, part: string, value: unknown): unknown {
  if (schema === undefined) return value;
  const result = schema["~standard"].validate(value);
  if (result instanceof Promise) return result.then((later) => outcome(part, later));
  return outcome(part, result);
}

function outcome(part: string, result: Awaited<ReturnType<StandardSchema["~standard"]["validate"]>>): unknown {
  if (result.issues !== undefined) throw new InputInvalid(part, result.issues);
  return result.value;
}

/** A query's values by name: a text, or texts where the name stands there more than once. */
export function queryValues(query: string): Readonly<Record<string, string | readonly string[]>> {
  if (query === "") return NOTHING;
  const values: Record<string, string | readonly string[]> = {};
  if (ESCAPED.test(query)) {
    for (const [name, value] of new URLSearchParams(query)) put(values, name, value);
    return values;
  }
  // What is not escaped, as most are, can be cut up by hand in a third of the time.
  let equals = query.indexOf("=");
  for (let start = 0; start < query.length;) {
    const and = query.indexOf("&", start);
    const end = and === -1 ? query.length : and;
    if (equals !== -1 && equals < start) equals = query.indexOf("=", start);
    if (equals !== -1 && equals < end) put(values, query.slice(start, equals), query.slice(equals + 1, end));
    else if (start < end) put(values, query.slice(start, end), "");
    start = end + 1;
  }
  return values;
}

function put(values: Record<string, string | readonly string[]>, name: string, value: string): void {
  // Nobody asks for it but to do harm, and V8 is twice as quick with an object that has a prototype.
  if (name === "__proto__") return;
  const before = values[name];
  if (typeof before === "string") values[name] = [before, value];
  // What is neither was not put there: the prototype has functions.
  else values[name] = Array.isArray(before) ? [...(before as readonly string[]), value] : value;
}

const ESCAPED = /[%+]|[^\x20-\x7e]/;

/**
 * Reads the content: JSON, or a form's fields; undefined where there is none.
 *
 * @throws HotpathError HP_MEDIA_TYPE_UNSUPPORTED, HP_BODY_TOO_LARGE, HP_INPUT_INVALID
 */
export async function readContent(request: SourceRequest, maxBytes: number): Promise<unknown> {
  if (!hasContent(request)) return undefined;
  const kind = kindOf(request.headers["content-type"]);
  const text = await readText(request, maxBytes);
  if (kind === "form") return queryValues(text);
  try {
    return JSON.parse(text);
  } catch {
    throw new InputInvalid("body", [{ message: "This is no JSON." }]);
  }
}

function kindOf(type: string | undefined): "json" | "form" {
  const parsed = parseMediaType(type ?? "application/json");
  const essence = parsed === undefined ? "" : `${parsed.type}/${parsed.subtype}`;
  if (essence === "application/json" || essence.endsWith("+json")) return "json";
  if (essence === "application/x-www-form-urlencoded") return "form";
  throw new HotpathError("HP_MEDIA_TYPE_UNSUPPORTED", `This takes JSON or a form, not ${JSON.stringify(type)}.`);
}

async function readText(request: SourceRequest, maxBytes: number): Promise<string> {
  return decode(await readBytes(request, maxBytes));
}

/**
 * Reads the content as it came.
 *
 * @throws HotpathError HP_BODY_TOO_LARGE
 */
export async function readBytes(request: SourceRequest, maxBytes: number): Promise<Buffer> {
  const beginning = await request.takeContent?.(maxBytes);
  if (beginning !== undefined && !beginning.goesOn) {
    if (beginning.bytes.length > maxBytes) throw tooLarge(maxBytes);
    return beginning.bytes;
  }
  const chunks = beginning === undefined ? [] : [beginning.bytes];
  let length = beginning?.bytes.length ?? 0;
  if (length <= maxBytes) {
    for await (const chunk of request.body as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > maxBytes) break;
      chunks.push(chunk);
    }
  }
  if (length > maxBytes) throw tooLarge(maxBytes);
  return Buffer.concat(chunks);
}

function decode(bytes: Buffer): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    throw new InputInvalid("body", [{ message: "This is no UTF-8." }]);
  }
}

function tooLarge(maxBytes: number): HotpathError {
  return new HotpathError("HP_BODY_TOO_LARGE", `The content has more than ${maxBytes} bytes.`);
}

const UTF8 = new TextDecoder("utf-8", { fatal: true });
const NOTHING = Object.freeze({});
