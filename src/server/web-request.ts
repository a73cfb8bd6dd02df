import type { IncomingHttpHeaders } from "node:http";
import { Readable } from "node:stream";
import type { HttpRequest } from "../http/message.ts";
import { type BodyLimit, RequestBody } from "./listener/index.ts";

/** What a request of the Fetch standard does not say. */
export interface Connection {
  /** Address of the client, as far as whoever calls trusts it: limits count by it. Default: unknown. */
  readonly remoteAddress?: string | undefined;
}

/** A request of the Fetch standard as the pipeline sees it. */
export class WebRequest implements HttpRequest {
  readonly method: string;
  readonly target: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<IncomingHttpHeaders>;
  readonly httpVersion = "1.1";
  readonly scheme: "http" | "https";
  readonly authority: string;
  readonly remoteAddress: string;
  readonly signal: AbortSignal;
  readonly hasContent: boolean;
  readonly #request: Request;
  readonly #bodyLimit: BodyLimit;
  #body: Readable | undefined;

  constructor(request: Request, { remoteAddress = "" }: Connection = {}, bodyLimit: BodyLimit) {
    const { pathname, search, protocol, host } = new URL(request.url);
    this.method = request.method;
    this.path = pathname;
    this.query = search.slice(1);
    this.target = pathname + search;
    this.headers = { host, ...Object.fromEntries(request.headers) };
    this.scheme = protocol === "https:" ? "https" : "http";
    this.authority = host;
    this.remoteAddress = remoteAddress;
    this.signal = request.signal;
    this.hasContent = request.body !== null;
    this.#request = request;
    this.#bodyLimit = bodyLimit;
  }

  get body(): Readable {
    if (this.#body === undefined) {
      const { body } = this.#request;
      const limit = this.#bodyLimit(this.method, this.path, this.headers);
      this.#body = body === null ? Readable.from([]) : new RequestBody(Readable.fromWeb(body), limit);
    }
    return this.#body;
  }
}
