import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";
import { hasContent } from "./content.ts";
import type { ContentBeginning, HttpRequest, ReplyHeaders } from "./message.ts";

/** A request seen through another: what a subclass does not change is asked of the first one, and only when it is read. */
export class DelegatedRequest implements HttpRequest {
  readonly method: string;
  readonly target: string;
  readonly path: string;
  readonly #request: HttpRequest;

  constructor(request: HttpRequest) {
    this.#request = request;
    this.method = request.method;
    this.target = request.target;
    this.path = request.path;
  }

  get query(): string {
    return this.#request.query;
  }
  get headers(): Readonly<IncomingHttpHeaders> {
    return this.#request.headers;
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
  get signal(): AbortSignal {
    return this.#request.signal;
  }
  get body(): Readable {
    return this.#request.body;
  }
  takeContent(maxBytes: number): Promise<ContentBeginning> | undefined {
    return this.#request.takeContent?.(maxBytes);
  }
  get hasContent(): boolean {
    return hasContent(this.#request);
  }
  inform(status: number, headers: Readonly<ReplyHeaders>): void {
    this.#request.inform?.(status, headers);
  }
}
