import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import { HotpathError } from "../../errors.ts";
import type { ContentBeginning, HttpRequest, ReplyHeaders } from "../../http/message.ts";
import { emptyBody, RequestBody, takeContent } from "./request-body.ts";

/**
 * An HTTP/1.1 request. Nothing is computed before it is read: most requests are answered without a signal, a body
 * or an address.
 */
export class Http1Request implements HttpRequest {
  readonly method: string;
  readonly target: string;
  readonly authority: string;
  readonly #message: IncomingMessage;
  #response: ServerResponse | undefined;
  /** Has a response made. */
  #demand: (() => void) | undefined;
  /** Interim replies from before there was where to send them. */
  #hints: (() => void)[] | undefined;
  #isAbandoned = false;
  readonly #content: RequestContent | undefined;
  #questionMark = NOT_SOUGHT;
  /** Asked for a dozen times on the walk. */
  #path: string | undefined;
  #abort: AbortController | undefined;
  #body: Readable | undefined;
  #hasOverflowed = false;

  constructor(
    message: IncomingMessage,
    response: ServerResponse | undefined,
    target: string,
    authority: string,
    content: RequestContent | undefined,
  ) {
    this.method = message.method ?? "GET";
    this.target = target;
    this.authority = authority;
    this.#message = message;
    this.#response = response;
    this.#content = content;
  }

  /** Gives a request that was begun without one the response it will be answered by. */
  attach(response: ServerResponse): void {
    this.#response = response;
    if (this.#abort !== undefined) abortWith(response, this.#abort);
    for (const send of this.#hints ?? []) send();
    this.#hints = undefined;
  }

  /** Tells how to get a response, which then comes by `attach`, should it be needed before the reply. */
  awaitResponse(demand: () => void): void {
    this.#demand = demand;
  }

  /** Whether interim replies wait for a response. */
  get hasHints(): boolean {
    return this.#hints !== undefined;
  }

  /** The client has left before there was a response. */
  abandon(): void {
    this.#isAbandoned = true;
    this.#abort?.abort();
  }

  get path(): string {
    if (this.#path === undefined) {
      const end = this.#findQuestionMark();
      this.#path = end === -1 ? this.target : this.target.slice(0, end);
    }
    return this.#path;
  }

  get query(): string {
    const end = this.#findQuestionMark();
    return end === -1 ? "" : this.target.slice(end + 1);
  }

  get headers(): Readonly<IncomingHttpHeaders> {
    return this.#message.headers;
  }

  get httpVersion(): string {
    return this.#message.httpVersion;
  }

  get scheme(): "http" | "https" {
    return (this.#message.socket as { encrypted?: boolean }).encrypted === true ? "https" : "http";
  }

  get remoteAddress(): string {
    return this.#message.socket.remoteAddress ?? "";
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      const abort = new AbortController();
      this.#abort = abort;
      if (this.#isAbandoned) abort.abort();
      else if (this.#response !== undefined) abortWith(this.#response, abort);
    }
    return this.#abort.signal;
  }

  get body(): Readable {
    if (this.#body === undefined) {
      const content = this.#content;
      this.#body =
        content === undefined ? emptyBody() : new RequestBody(this.#message, content.maxBytes, content.onFirstRead);
    }
    return this.#body;
  }

  takeContent(maxBytes: number): Promise<ContentBeginning> | undefined {
    const content = this.#content;
    if (content === undefined || this.#body !== undefined) return undefined;
    const taking = takeContent(this.#message, content, maxBytes);
    return taking.then(
      (beginning) => {
        const leftBytes = content.maxBytes - beginning.bytes.length;
        if (beginning.goesOn) this.#body = new RequestBody(this.#message, leftBytes);
        return beginning;
      },
      (error: unknown) => {
        this.#hasOverflowed = error instanceof HotpathError && error.code === "HP_BODY_TOO_LARGE";
        throw error;
      },
    );
  }

  get hasContent(): boolean {
    return this.#content !== undefined;
  }

  inform(status: number, headers: Readonly<ReplyHeaders>): void {
    if (this.#response === undefined) this.#demand?.();
    const response = this.#response;
    if (response === undefined) {
      if (!this.#isAbandoned) (this.#hints ??= []).push(() => this.inform(status, headers));
      return;
    }
    if (response.headersSent || response.destroyed || this.#message.httpVersionMinor === 0) return;
    try {
      if (status === 102) response.writeProcessing();
      else if (status === 103) response.writeEarlyHints(headers);
    } catch {
      // Links that Node finds malformed stay behind: hints are optional.
    }
  }

  /** Whether the content was found to be larger than allowed. */
  get hasOverflowed(): boolean {
    return this.#hasOverflowed || (this.#body instanceof RequestBody && this.#body.hasOverflowed);
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

/** Aborts when a response closes that was not written whole. */
function abortWith(response: ServerResponse, abort: AbortController): void {
  if (response.destroyed) abort.abort();
  else response.once("close", () => response.writableFinished || abort.abort());
}

/** What is known of a request's content before it is read. Absent for requests without content. */
export interface RequestContent {
  readonly maxBytes: number;
  /** Sends the `100 Continue` that the client waits for. */
  readonly onFirstRead?: () => void;
}

const NOT_SOUGHT = -2;
