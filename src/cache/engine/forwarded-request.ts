import type { IncomingHttpHeaders } from "node:http";
import { Readable } from "node:stream";
import type { SourceRequest, Timing, TraceSpan } from "../../api/source-request.ts";
import type { Identity } from "../../auth/identity.ts";
import { DelegatedRequest } from "../../http/delegated-request.ts";
import type { ReplyHeaders } from "../../http/message.ts";

/** Who else wants the reply of a request that the cache sends on. */
export interface Demand {
  /** Whether others than the client wait, so that it may leave. */
  readonly isAwaited: boolean;
}

/** A request as the cache sends it on: with other fields, and a signal of its own, which is made when the source reads it. */
export class ForwardedRequest extends DelegatedRequest implements SourceRequest {
  readonly #request: SourceRequest;
  readonly #headers: Readonly<IncomingHttpHeaders>;
  /** After so long the request ends where nobody waits: the reply is for the store, and the client's content is not touched. */
  readonly #unattendedMs: number | undefined;
  readonly #demand: Demand | undefined;
  #signal: AbortSignal | undefined;
  #release: (() => void) | undefined;

  constructor(
    request: SourceRequest,
    headers: Readonly<IncomingHttpHeaders>,
    unattendedMs: number | undefined,
    demand: Demand | undefined,
  ) {
    super(request);
    this.#request = request;
    this.#headers = headers;
    this.#unattendedMs = unattendedMs;
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
    if (this.#unattendedMs !== undefined) {
      const timer = setTimeout(() => controller.abort(), this.#unattendedMs);
      this.#release = () => clearTimeout(timer);
      return controller.signal;
    }
    const { signal } = this.#request;
    const left = (): void => {
      if (this.#demand?.isAwaited !== true) controller.abort(signal.reason);
    };
    if (signal.aborted) left();
    else signal.addEventListener("abort", left, { once: true });
    this.#release = () => signal.removeEventListener("abort", left);
    return controller.signal;
  }

  override inform(status: number, headers: Readonly<ReplyHeaders>): void {
    if (!this.isUnattended) super.inform(status, headers);
  }

  get identity(): Identity | undefined {
    return this.#request.identity;
  }
  get isUnattended(): boolean {
    return this.#unattendedMs !== undefined;
  }
  /** Of use only while the client waits. */
  get timing(): Timing | undefined {
    return this.isUnattended ? undefined : this.#request.timing;
  }
  get span(): TraceSpan | undefined {
    return this.isUnattended ? undefined : this.#request.span;
  }
  get subpath(): string {
    return this.#request.subpath;
  }
  get basePath(): string {
    return this.#request.basePath;
  }
  override get hasContent(): boolean {
    return !this.isUnattended && super.hasContent;
  }
  /** The content may be another than the request's. */
  override takeContent(): undefined {
    return undefined;
  }

  override get body(): Readable {
    return this.isUnattended ? Readable.from([]) : super.body;
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
