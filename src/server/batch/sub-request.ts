import type { IncomingHttpHeaders } from "node:http";
import { Readable } from "node:stream";
import type { HttpRequest } from "../../http/message.ts";
import type { BatchEntry } from "./entries.ts";

/** Fields of the batch that say who asks and what they understand; the others are about its own content and connection. */
const INHERITED: ReadonlySet<string> = new Set([
  "host",
  "authorization",
  "cookie",
  "user-agent",
  "accept-language",
  "forwarded",
  "traceparent",
  "tracestate",
  "baggage",
  "consistency-token",
]);

/** One entry of a batch as a request of its own: it comes from where the batch came from, and ends with it. */
export class SubRequest implements HttpRequest {
  readonly method: string;
  readonly target: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<IncomingHttpHeaders>;
  readonly httpVersion: string;
  readonly scheme: "http" | "https";
  readonly authority: string;
  readonly remoteAddress: string;
  readonly body: Readable;
  readonly hasContent: boolean;
  readonly #batch: HttpRequest;

  /**
   * @param inherited further fields to take from the batch: those that identify its sender
   * @param traceparent of the batch, where it is followed
   */
  constructor(batch: HttpRequest, entry: BatchEntry, inherited: readonly string[], traceparent?: string) {
    const end = entry.path.indexOf("?");
    this.#batch = batch;
    this.method = entry.method;
    this.target = entry.path;
    this.path = end === -1 ? entry.path : entry.path.slice(0, end);
    this.query = end === -1 ? "" : entry.path.slice(end + 1);
    this.headers = headersOf(batch, entry, inherited, traceparent);
    this.httpVersion = batch.httpVersion;
    this.scheme = batch.scheme;
    this.authority = batch.authority;
    this.remoteAddress = batch.remoteAddress;
    this.hasContent = entry.content !== undefined;
    this.body = Readable.from(entry.content === undefined ? [] : [entry.content], { objectMode: false });
  }

  get signal(): AbortSignal {
    return this.#batch.signal;
  }
}

function headersOf(
  batch: HttpRequest,
  entry: BatchEntry,
  inherited: readonly string[],
  traceparent: string | undefined,
): IncomingHttpHeaders {
  const headers: IncomingHttpHeaders = {};
  for (const name in batch.headers) {
    const isInherited = INHERITED.has(name) || inherited.includes(name) || name.startsWith("x-forwarded-");
    if (isInherited) headers[name] = batch.headers[name];
  }
  if (traceparent !== undefined) headers["traceparent"] = traceparent;
  if (entry.content !== undefined) {
    headers["content-type"] = "application/json";
    headers["content-length"] = String(entry.content.length);
  }
  Object.assign(headers, entry.headers);
  return headers;
}
