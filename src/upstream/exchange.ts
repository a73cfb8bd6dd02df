import type { IncomingHttpHeaders } from "node:http";
import type { Duplex } from "node:stream";
import type { Dispatcher } from "undici";
import { HotpathError } from "../errors.ts";
import { failureOf, toUpstreamFailure } from "./failure.ts";
import { ReplyStream } from "./reply-stream.ts";

/** What an upstream answered. */
export interface UpstreamReply {
  readonly status: number;
  readonly statusText: string;
  /** As received, names in lower case, hop-by-hop fields included. */
  readonly headers: IncomingHttpHeaders;
  /** A buffer when it was collected. A stream is its reader's: destroying it gives up the connection. */
  readonly body: Buffer | ReplyStream | undefined;
  /** Trailer fields, once a streamed body has ended. */
  readonly trailers: () => IncomingHttpHeaders | undefined;
}

/** How one exchange is to be held. */
export interface ExchangeOptions {
  readonly method: string;
  readonly maxBodyBytes: number;
  /** Bodies up to this length are collected. */
  readonly bufferBytes: number;
  /** Collect bodies of unknown length, too, waiting for their end. */
  readonly collectsUnknown: boolean;
  readonly informed: ((status: number, headers: IncomingHttpHeaders) => void) | undefined;
  /** Told the status once the head of the reply is there. */
  readonly began: (status: number) => void;
  /** Takes the connection when the upstream switches protocols. */
  readonly upgraded?: (status: number, headers: IncomingHttpHeaders, socket: Duplex) => void;
  /** Told once, when the connection is free again or gone; `failure` unless the reply came whole. */
  readonly ended: (failure: HotpathError | undefined) => void;
  /** Whether the connection has ended by a reset: a body that ends with its connection is then not whole. */
  readonly wasReset: () => boolean;
}

/** Interim replies before the reply: a client expects one or two, an endless run would hold the exchange for ever. */
const MAX_INFORMATIONAL = 16;

/**
 * One request and its reply, as undici's handler. Settles with the head when the body is streamed, with the whole reply when
 * it is collected: then a body that breaks off is an error and not half a reply.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly reply: Promise<UpstreamReply>;
  readonly #options: ExchangeOptions;
  readonly #resolve: (reply: UpstreamReply) => void;
  readonly #reject: (error: HotpathError) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #abortReason: HotpathError | undefined;
  #status = 0;
  #statusText = "";
  #headers: IncomingHttpHeaders = {};
  #trailers: IncomingHttpHeaders | undefined;
  #chunks: Buffer[] = [];
  #received = 0;
  #collectsTo = 0;
  #informational = 0;
  #stream: ReplyStream | undefined;
  #hasBody = true;
  #isOver = false;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    const { promise, resolve, reject } = Promise.withResolvers<UpstreamReply>();
    this.reply = promise;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Whether any of the request may have been written. */
  get wasSent(): boolean {
    return this.#controller !== undefined;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Gives up: the connection is closed, and the reply or its body fails with `reason`. */
  abort(reason: HotpathError): void {
    if (this.#isOver) return;
    this.#abortReason ??= reason;
    if (this.#controller === undefined) this.#fail(reason);
    else this.#controller.abort(reason);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // Given up while it waited for its connection.
    if (this.#isOver) controller.abort(this.#abortReason ?? failureOf("broken"));
  }

  /** Without anyone to take the connection undici refuses a switch before this is called. */
  onRequestUpgrade(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
    socket: Duplex,
  ): void {
    this.#isOver = true;
    this.#options.upgraded?.(status, headers, socket);
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
    statusText = "",
  ): void {
    if (status < 200) {
      this.#inform(status, headers);
      return;
    }
    this.#status = status;
    this.#statusText = statusText;
    this.#headers = headers;
    this.#options.began(status);
    this.#hasBody = this.#options.method !== "HEAD" && status !== 204 && status !== 304;
    if (this.#hasBody) this.#expectBody(controller, headers);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#received += chunk.length;
    if (this.#received > this.#options.maxBodyBytes) throw failureOf("large");
    if (this.#stream !== undefined) {
      this.#stream.add(chunk);
      return;
    }
    this.#chunks.push(chunk);
    if (this.#received > this.#collectsTo) this.#startStream(controller);
  }

  onResponseEnd(_controller: Dispatcher.DispatchController, trailers: IncomingHttpHeaders): void {
    if (this.#isOver) return;
    if (this.#hasBody && isDelimitedByClose(this.#headers) && this.#options.wasReset()) {
      this.#fail(failureOf("broken"));
      return;
    }
    this.#isOver = true;
    this.#trailers = trailers;
    if (this.#stream === undefined) this.#resolve(this.#toReply(this.#collected()));
    else this.#stream.complete();
    this.#options.ended(undefined);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#fail(this.#abortReason ?? toUpstreamFailure(error, this.wasSent));
  }

  #expectBody(controller: Dispatcher.DispatchController, headers: IncomingHttpHeaders): void {
    const { maxBodyBytes, bufferBytes, collectsUnknown } = this.#options;
    const length = lengthOf(headers);
    if (length === undefined) {
      this.#collectsTo = bufferBytes;
      // A small body usually comes in one packet with its head: undici then parses all of it before microtasks run.
      if (!collectsUnknown) queueMicrotask(() => this.#isOver || this.#startStream(controller));
    } else if (length > maxBodyBytes) {
      throw failureOf("large");
    } else if (length <= bufferBytes) {
      this.#collectsTo = length;
    } else {
      this.#startStream(controller);
    }
  }

  #fail(error: HotpathError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#chunks = [];
    if (this.#stream === undefined) this.#reject(error);
    else this.#stream.fail(error);
    this.#options.ended(error);
  }

  #inform(status: number, headers: IncomingHttpHeaders): void {
    this.#informational += 1;
    if (this.#informational > MAX_INFORMATIONAL) throw failureOf("invalid");
    this.#options.informed?.(status, headers);
  }

  #startStream(controller: Dispatcher.DispatchController): void {
    if (this.#stream !== undefined) return;
    const stream = new ReplyStream({
      pause: () => controller.pause(),
      resume: () => controller.resume(),
      abandon: () => this.abort(new HotpathError("HP_DEADLINE", "The reply is not wanted any more.")),
    });
    this.#stream = stream;
    const chunks = this.#chunks;
    this.#chunks = [];
    for (const chunk of chunks) stream.add(chunk);
    this.#resolve(this.#toReply(stream));
  }

  #collected(): Buffer | undefined {
    const chunks = this.#chunks;
    this.#chunks = [];
    if (chunks.length === 0) return undefined;
    return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
  }

  #toReply(body: UpstreamReply["body"]): UpstreamReply {
    return {
      status: this.#status,
      statusText: this.#statusText,
      headers: this.#headers,
      body,
      trailers: () => this.#trailers,
    };
  }
}

/** The parser has checked that there is one and that it is a number. */
function lengthOf(headers: IncomingHttpHeaders): number | undefined {
  const length = headers["content-length"];
  return length === undefined || headers["transfer-encoding"] !== undefined ? undefined : Number(length);
}

function isDelimitedByClose(headers: IncomingHttpHeaders): boolean {
  return headers["content-length"] === undefined && headers["transfer-encoding"] === undefined;
}
