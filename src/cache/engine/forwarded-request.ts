import type { IncomingHttpHeaders } from "node:http";
import { Readable } from "node:stream";
import type { SourceRequest } from "../../api/source.ts";
import type { ReplyHeaders } from "../../http/message.ts";

/** A request as the cache sends it on: other fields, and a signal of its own, since others may wait for the reply. */
export class ForwardedRequest implements SourceRequest {
  readonly headers: Readonly<IncomingHttpHeaders>;
  readonly signal: AbortSignal;
  readonly method: string;
  readonly #request: SourceRequest;
  readonly #isUnattended: boolean;

  /** @param isUnattended the client is not waiting: its content is not touched. */
  constructor(
    request: SourceRequest,
    headers: Readonly<IncomingHttpHeaders>,
    signal: AbortSignal,
    isUnattended: boolean,
  ) {
    this.#request = request;
    this.headers = headers;
    this.signal = signal;
    this.method = request.method;
    this.#isUnattended = isUnattended;
  }

  inform(status: number, headers: Readonly<ReplyHeaders>): void {
    if (!this.#isUnattended) this.#request.inform?.(status, headers);
  }

  get target(): string {
    return this.#request.target;
  }
  get path(): string {
    return this.#request.path;
  }
  get query(): string {
    return this.#request.query;
  }
  get subpath(): string {
    return this.#request.subpath;
  }
  get basePath(): string {
    return this.#request.basePath;
  }
  get httpVersion(): string {
    return this.#request.httpVersion;
  }
  get scheme(): "http" | "https" {
    return this.#request.scheme;
  }
  get authority(): string {
    return this.#request.authority;
  }
  get remoteAddress(): string {
    return this.#request.remoteAddress;
  }
  get body(): Readable {
    return this.#isUnattended ? Readable.from([]) : this.#request.body;
  }
}

const CONDITIONS = [
  "if-match",
  "if-none-match",
  "if-modified-since",
  "if-unmodified-since",
  "if-range",
  "range",
] as const;

/**
 * The fields to ask the source with: the client's without its conditions and range, so that the reply is one to store, and with
 * the conditions of the stored reply that is to be validated (RFC 9111 section 4.3.1).
 */
export function toAskingFields(
  headers: Readonly<IncomingHttpHeaders>,
  stored: Readonly<Record<string, string | string[]>> | undefined,
): Readonly<IncomingHttpHeaders> {
  const etag = stored?.["etag"];
  const modified = stored?.["last-modified"];
  const isValidating = typeof etag === "string" || typeof modified === "string";
  if (!isValidating && !CONDITIONS.some((name) => headers[name] !== undefined)) return headers;
  const fields: IncomingHttpHeaders = { ...headers };
  for (const name of CONDITIONS) delete fields[name];
  if (typeof etag === "string") fields["if-none-match"] = etag;
  if (typeof modified === "string") fields["if-modified-since"] = modified;
  return fields;
}
