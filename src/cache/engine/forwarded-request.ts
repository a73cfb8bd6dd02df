import type { IncomingHttpHeaders } from "node:http";
import { Readable } from "node:stream";
import type { SourceRequest, Timing, TraceSpan } from "../../api/source-request.ts";
import type { Identity } from "../../auth/identity.ts";
import { DelegatedRequest } from "../../http/delegated-request.ts";
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
export class ForwardedRequest extends DelegatedRequest implements SourceRequest {
  readonly #request: SourceRequest;
  readonly #headers: Readonly<IncomingHttpHeaders>;
  readonly #demand: Demand;
  #signal: AbortSignal | undefined;
  #release: (() => void) | undefined;

  constructor(request: SourceRequest, headers: Readonly<IncomingHttpHeaders>, demand: Demand) {
    super(request);
    this.#request = request;
    this.#headers = headers;
    this.#demand = demand;
  }

  override get headers(): Readonly<IncomingHttpHeaders> {
    return this.#headers;
  }

  override get signal(): AbortSignal {
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

  override inform(status: number, headers: Readonly<ReplyHeaders>): void {
    if (!this.#demand.isUnattended) super.inform(status, headers);
  }

  get identity(): Identity | undefined {
    return this.#request.identity;
  }
  get isUnattended(): boolean {
    return this.#demand.isUnattended;
  }
  /** Of use only while the client waits. */
  get timing(): Timing | undefined {
    return this.#demand.isUnattended ? undefined : this.#request.timing;
  }
  get span(): TraceSpan | undefined {
    return this.#demand.isUnattended ? undefined : this.#request.span;
  }
  get subpath(): string {
    return this.#request.subpath;
  }
  get basePath(): string {
    return this.#request.basePath;
  }
  override get hasContent(): boolean {
    return !this.#demand.isUnattended && super.hasContent;
  }
  /** The content may be another than the request's. */
  override takeContent(): undefined {
    return undefined;
  }

  override get body(): Readable {
    return this.#demand.isUnattended ? Readable.from([]) : super.body;
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
