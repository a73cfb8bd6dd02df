import { HotpathError } from "../../errors.ts";
import { isTooDeep } from "../../http/json-depth.ts";
import { isToken } from "../../http/syntax.ts";

/** One request of a batch, checked. */
export interface BatchEntry {
  readonly id: string | number | undefined;
  readonly method: string;
  /** With its query. */
  readonly path: string;
  /** In lower case, only such as a request may set by itself. */
  readonly headers: Readonly<Record<string, string>>;
  /** JSON, or the text that was given. */
  readonly content: Buffer | undefined;
}

/** What a batch may hold. */
export interface BatchBounds {
  /** Path of the endpoint itself: batches hold no batches. */
  readonly path: string;
  readonly maxRequests: number;
}

/**
 * Reads the content of a batch: `{ "requests": [ … ] }`, or the list alone. Each is `{ method, path, headers, body, id }`, of which
 * only `path` is needed.
 *
 * @throws HotpathError HP_BATCH_INVALID, naming the entry
 */
export function parseBatch(bytes: Buffer, bounds: BatchBounds): readonly BatchEntry[] {
  if (isTooDeep(bytes)) throw invalid("A batch is not nested so deeply.");
  let content: unknown;
  try {
    content = JSON.parse(bytes.toString("utf8"));
  } catch {
    throw invalid("A batch is JSON; this is none.");
  }
  const list = Array.isArray(content) ? content : isObject(content) ? content["requests"] : undefined;
  if (!Array.isArray(list)) throw invalid('A batch is { "requests": [ … ] }, or a list of requests.');
  if (list.length > bounds.maxRequests) throw invalid(`A batch holds at most ${bounds.maxRequests} requests.`);
  return list.map((entry: unknown, at) => toEntry(entry, `requests[${at}]`, bounds));
}

/** Fields that belong to a connection, to framing, or to the batch as a whole. */
const REFUSED = new Set([
  "accept-encoding",
  "connection",
  "content-length",
  "expect",
  "forwarded",
  "host",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "via",
]);
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

function toEntry(entry: unknown, place: string, bounds: BatchBounds): BatchEntry {
  if (!isObject(entry)) throw invalid(`${place} must be an object such as { "path": "/users/1" }.`);
  const { id, method = "GET", path, headers = {}, body } = entry;
  if (id !== undefined && typeof id !== "string" && typeof id !== "number") {
    throw invalid(`${place}.id must be a text or a number.`);
  }
  if (typeof method !== "string" || !METHODS.includes(method)) {
    throw invalid(`${place}.method must be one of ${METHODS.join(", ")}.`);
  }
  if (typeof path !== "string" || !isPath(path)) throw invalid(`${place}.path must be a path such as /users?id=eq.1.`);
  if (path.split("?", 1)[0] === bounds.path) throw invalid(`${place}.path: a batch holds no batches.`);
  return { id, method, path, headers: toHeaders(headers, place), content: toContent(body) };
}

/** As the listener takes targets in origin-form; what it would have refused must not come in by this door. */
function isPath(path: string): boolean {
  return (
    /^\/[\x21\x24-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e%&]*$/.test(path.split("?", 1)[0]!) &&
    /^[\x21-\x22\x24-\x7e]*$/.test(path) &&
    !/^[^?]*%0[0ad]/i.test(path)
  );
}

function toHeaders(given: unknown, place: string): Record<string, string> {
  if (!isObject(given)) throw invalid(`${place}.headers must be an object of texts.`);
  const headers: Record<string, string> = {};
  for (const [written, value] of Object.entries(given)) {
    const name = written.toLowerCase();
    const isRight = isToken(name) && typeof value === "string" && /^[\t\x20-\x7e\x80-\xff]*$/.test(value);
    if (!isRight) throw invalid(`${place}.headers must be an object of header names and texts.`);
    if (REFUSED.has(name) || name.startsWith("x-forwarded-")) {
      throw invalid(`${place}.headers: ${name} is not for a request of a batch to say.`);
    }
    headers[name] = value;
  }
  return headers;
}

/** Texts go as they are, for other media types; everything else as JSON. */
function toContent(body: unknown): Buffer | undefined {
  if (body === undefined) return undefined;
  return Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalid(message: string): HotpathError {
  return new HotpathError("HP_BATCH_INVALID", message);
}
