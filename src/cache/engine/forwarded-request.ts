import type { IncomingHttpHeaders } from "node:http";
import { Readable } from "node:stream";
import type { SourceRequest } from "../../api/source.ts";
import type { Identity } from "../../auth/identity.ts";
import { hasContent } from "../../http/content.ts";
import type { ReplyHeaders } from "../../http/message.ts";

/** Who wants the reply of a request that the cache sends on. */
export interface Demand {
  /** Nobody waits: the reply is for the store. The client's content is then not touched, and the request ends with its time. */
  readonly isUnattended: boolean;
  readonly unattendedMs: number;
  /** Whether others than the client wait, so that it may leave. */
  readonly isAwaited: () => boolean;
}

/** A request as the cache sends it on: with other fields, and a signal of its own, which is made when the source reads it. */
export class ForwardedRequest implements SourceRequest {
  readonly headers: Readonly<IncomingHttpHeaders>;
  readonly method: string;
  readonly #request: SourceRequest;
  readonly #demand: Demand;
  #signal: AbortSignal | undefined;
  #release: (() => void) | undefined;

  constructor(request: SourceRequest, headers: Readonly<IncomingHttpHeaders>, demand: Demand) {
    this.#request = request;
    this.headers = headers;
    this.method = request.method;
    this.#demand = demand;
  }

  get signal(): AbortSignal {
    this.#signal ??= this.#createSignal();
    return this.#signal;
  }

  /** To be called when the head of the reply is there, or none will come. What becomes of its content is not the signal's business. */
  answered(): void {
    this.#release?.();
  }

  #createSignal(): AbortSignal {
    const controller = new AbortController();
    const { isUnattended, unattendedMs, isAwaited } = this.#demand;
    if (isUnattended) {
      const timer = setTimeout(() => controller.abort(), unattendedMs);
      this.#release = () => clearTimeout(timer);
      return controller.signal;
    }
    const { signal } = this.#request;
    const left = (): void => {
      if (!isAwaited()) controller.abort(signal.reason);
    };
    if (signal.aborted) left();
    else signal.addEventListener("abort", left, { once: true });
    this.#release = () => signal.removeEventListener("abort", left);
    return controller.signal;
  }

  inform(status: number, headers: Readonly<ReplyHeaders>): void {
    if (!this.#demand.isUnattended) this.#request.inform?.(status, headers);
  }

  get identity(): Identity | undefined {
    return this.#request.identity;
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
  get hasContent(): boolean {
    return !this.#demand.isUnattended && hasContent(this.#request);
  }
  get body(): Readable {
    return this.#demand.isUnattended ? Readable.from([]) : this.#request.body;
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
