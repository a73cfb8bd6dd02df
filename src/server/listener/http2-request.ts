import type { IncomingHttpHeaders } from "node:http";
import type { IncomingHttpHeaders as Http2Headers, ServerHttp2Stream } from "node:http2";
import type { Readable } from "node:stream";
import type { HttpRequest, ReplyHeaders } from "../../http/message.ts";
import { emptyBody, RequestBody } from "./request-body.ts";

/** Error code of a stream that ends as it should (RFC 9113 section 7). */
export const NO_ERROR = 0;

/** An HTTP/2 request; lazy where `Http1Request` is. */
export class Http2Request implements HttpRequest {
  readonly method: string;
  readonly target: string;
  readonly authority: string;
  readonly httpVersion = "2.0";
  readonly remoteAddress: string;
  readonly scheme: "http" | "https";
  readonly #stream: ServerHttp2Stream;
  readonly #received: Http2Headers;
  readonly #maxBodyBytes: number;
  #questionMark = NOT_SOUGHT;
  #headers: IncomingHttpHeaders | undefined;
  #abort: AbortController | undefined;
  #body: Readable | undefined;

  constructor(
    stream: ServerHttp2Stream,
    received: Http2Headers,
    head: { readonly method: string; readonly target: string; readonly authority: string },
    peer: Peer,
    maxBodyBytes: number,
  ) {
    this.method = head.method;
    this.target = head.target;
    this.authority = head.authority;
    this.remoteAddress = peer.address;
    this.scheme = peer.scheme;
    this.#stream = stream;
    this.#received = received;
    this.#maxBodyBytes = maxBodyBytes;
  }

  get path(): string {
    const end = this.#findQuestionMark();
    return end === -1 ? this.target : this.target.slice(0, end);
  }

  get query(): string {
    const end = this.#findQuestionMark();
    return end === -1 ? "" : this.target.slice(end + 1);
  }

  /** Without pseudo-header fields; `host` stands for `:authority`, as a gateway to HTTP/1.1 would set it. */
  get headers(): Readonly<IncomingHttpHeaders> {
    if (this.#headers === undefined) {
      const headers: IncomingHttpHeaders = {};
      for (const name in this.#received) {
        if (name.charCodeAt(0) !== COLON) headers[name] = this.#received[name];
      }
      if (this.authority !== "") headers.host = this.authority;
      this.#headers = headers;
    }
    return this.#headers;
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      const abort = new AbortController();
      this.#abort = abort;
      const stream = this.#stream;
      if (stream.destroyed) abort.abort();
      else stream.once("close", () => isWhole(stream) || abort.abort());
    }
    return this.#abort.signal;
  }

  get body(): Readable {
    if (this.#body === undefined) {
      const hasContent = !this.#stream.endAfterHeaders;
      this.#body = hasContent ? new RequestBody(this.#stream, this.#maxBodyBytes) : emptyBody();
    }
    return this.#body;
  }

  get hasContent(): boolean {
    return !this.#stream.endAfterHeaders;
  }

  inform(status: number, headers: Readonly<ReplyHeaders>): void {
    const stream = this.#stream;
    if ((status !== 102 && status !== 103) || stream.headersSent || stream.destroyed || stream.closed) return;
    try {
      stream.additionalHeaders({ ":status": status, ...headers });
    } catch {
      // Fields that Node finds malformed stay behind: hints are optional.
    }
  }

  /** Lets go of the connection's stream; whoever still reads the body gets an error. */
  releaseBody(): void {
    this.#body?.destroy();
  }

  #findQuestionMark(): number {
    if (this.#questionMark === NOT_SOUGHT) this.#questionMark = this.target.indexOf("?");
    return this.#questionMark;
  }
}

/** Whether a closed stream's reply went out whole. Node marks the writing side finished on a reset, too. */
function isWhole(stream: ServerHttp2Stream): boolean {
  return stream.headersSent && !stream.aborted && stream.rstCode === NO_ERROR;
}

/** The other end of a session. */
export interface Peer {
  readonly address: string;
  readonly scheme: "http" | "https";
}

const NOT_SOUGHT = -2;
const COLON = 0x3a;
