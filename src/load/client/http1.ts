import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from "node:tls";
import { serverNameOf, type TlsFacts, tlsFactsOf } from "./connect-tls.ts";
import type { Exchange } from "./exchange.ts";
import { LoadFailure, timeoutFailure, toFailure } from "./failure.ts";
import { KnownHead } from "./known-head.ts";
import { ProtocolError, ResponseHead } from "./response-head.ts";
import type { Target } from "./target.ts";

export interface Http1Options {
  readonly connectTimeoutMs: number;
  /** A local address to connect from. */
  readonly localAddress?: string | undefined;
  readonly tls: ConnectionOptions;
}

/** All sockets of a process read into this one buffer: what was read is used up before the next socket is read. */
const SHARED_BYTES = Buffer.allocUnsafeSlow(64 * 1024);
const SHARED_WORDS = new Uint32Array(SHARED_BYTES.buffer);
const MAX_HEAD_BYTES = 128 * 1024;
const MAX_CHUNK_LINE = 1024;

type State = "idle" | "head" | "length" | "chunk-size" | "chunk" | "chunk-end" | "trailer" | "until-close";

/**
 * One HTTP/1.1 connection that carries one exchange at a time. Written for load: bytes that are ready go out as they are, a
 * reply is parsed in place, and nothing is allocated for a reply that nobody looks into.
 */
export class Http1Connection {
  readonly target: Target;
  /** Replies so far. */
  served = 0;
  isOpen = false;
  /** It was open, or tried to be, and will not be again. */
  isGone = false;
  /** performance.now() by which the exchange must have ended; whoever owns the connections looks after it. */
  deadline = Infinity;
  /** When connecting began, the socket was connected, and TLS was agreed on. */
  connectStartedAt = 0;
  connectedAt = 0;
  securedAt = 0;
  /** Whoever owns the connection is told once that it is gone. */
  onClosed: ((connection: Http1Connection) => void) | undefined;
  #socket: Socket | TLSSocket | undefined;
  #exchange: Exchange | undefined;
  #request: Buffer | string | undefined;
  #state: State = "idle";
  #remaining = 0;
  #pending: Buffer | undefined;
  #parts: Buffer[] = [];
  #line = "";
  readonly #head = new ResponseHead();
  readonly #known = new KnownHead();
  readonly #options: Http1Options;

  constructor(target: Target, options: Http1Options) {
    this.target = target;
    this.#options = options;
  }

  get isBusy(): boolean {
    return this.#exchange !== undefined;
  }

  /** Whom it is connected to. */
  remoteAddress = "";
  /** What was agreed on, where it speaks TLS. */
  tls: TlsFacts | undefined;

  /** Connects to one address; what was sent meanwhile goes out when that is done. */
  connect(address: string): void {
    const { target } = this;
    this.connectStartedAt = performance.now();
    // Declared for TCP alone, documented for TLS too.
    const onread = { buffer: SHARED_BYTES, callback: (length: number) => this.#read(length) };
    const common = {
      host: address,
      port: target.port,
      onread,
      ...(this.#options.localAddress !== undefined && { localAddress: this.#options.localAddress }),
    };
    const socket = target.isTls
      ? connectTls({ ...this.#options.tls, ...common, ...serverNameOf(target), ALPNProtocols: ["http/1.1"] })
      : connectTcp(common);
    this.#use(socket);
    const timer = setTimeout(() => {
      if (!this.isOpen) this.#fail(new LoadFailure(1211, "connecting took too long"));
    }, this.#options.connectTimeoutMs);
    const open = (): void => {
      clearTimeout(timer);
      if (this.#socket !== socket) return;
      this.opened();
    };
    socket.once("connect", () => {
      this.connectedAt = performance.now();
      if (!target.isTls) {
        this.securedAt = this.connectedAt;
        open();
      }
    });
    if (target.isTls) {
      socket.once("secureConnect", () => {
        this.securedAt = performance.now();
        open();
      });
    }
    socket.once("close", () => clearTimeout(timer));
  }

  /** Takes over a TLS socket that is already agreed on HTTP/1.1, and reads it by its events. */
  adopt(socket: TLSSocket): void {
    this.#use(socket);
    socket.on("data", (chunk: Buffer) => this.#parse(chunk, chunk.length));
    this.opened();
  }

  opened(): void {
    this.isOpen = true;
    const socket = this.#socket!;
    this.remoteAddress = socket.remoteAddress ?? "";
    if ("getCipher" in socket) this.tls = tlsFactsOf(socket);
    const request = this.#request;
    const exchange = this.#exchange;
    this.#request = undefined;
    if (request !== undefined && exchange !== undefined) this.#write(request, exchange, performance.now());
  }

  /**
   * Sends a request that is wholly rendered; on a connection that still opens, as soon as it is open. Latin1 where it is a text.
   *
   * @param now `performance.now()`, as the caller has just read it: reading a clock costs as much as comparing a head
   */
  send(request: Buffer | string, exchange: Exchange, deadline: number, now: number): void {
    this.#exchange = exchange;
    this.deadline = deadline;
    exchange.receivedBytes = 0;
    exchange.firstByteAt = 0;
    this.#state = "head";
    if (this.isOpen) this.#write(request, exchange, now);
    else this.#request = request;
  }

  /** Ends the exchange for lack of a reply. */
  timeOut(): void {
    this.#fail(timeoutFailure());
  }

  /** Closes at once; an exchange under way fails. */
  close(reason?: LoadFailure): void {
    this.#fail(reason ?? new LoadFailure(1000, "the connection was closed"));
  }

  #use(socket: Socket | TLSSocket): void {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("error", (error) => this.#fail(toFailure(error)));
    socket.on("end", () => this.#ended());
    socket.on("close", () => this.#ended());
  }

  #write(request: Buffer | string, exchange: Exchange, now: number): void {
    exchange.sentAt = now;
    if (typeof request === "string") this.#socket!.write(request, "latin1");
    else this.#socket!.write(request);
    exchange.writtenAt = performance.now();
  }

  #read(length: number): boolean {
    this.#parse(SHARED_BYTES, length);
    return true;
  }

  #parse(bytes: Buffer, length: number): void {
    const exchange = this.#exchange;
    if (exchange === undefined) {
      // Nobody asked: what comes now would be taken for the next reply.
      this.#fail(new LoadFailure(1000, "the server sent more than its reply"));
      return;
    }
    const now = performance.now();
    if (exchange.firstByteAt === 0) exchange.firstByteAt = now;
    exchange.endedAt = now;
    exchange.receivedBytes += length;
    try {
      this.#walk(bytes, length, exchange);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#fail(toFailure(error));
    }
  }

  #walk(bytes: Buffer, length: number, exchange: Exchange): void {
    let at = 0;
    while (at < length) {
      switch (this.#state) {
        case "head":
          at = this.#walkHead(bytes, at, length, exchange);
          break;
        case "length":
        case "chunk":
        case "until-close": {
          const take = Math.min(this.#remaining, length - at);
          if (exchange.wantsBody) this.#parts.push(Buffer.from(bytes.subarray(at, at + take)));
          at += take;
          this.#remaining -= take;
          if (this.#remaining === 0) {
            if (this.#state === "length") return this.#complete(exchange, at < length);
            this.#state = "chunk-end";
          }
          break;
        }
        case "idle":
          return;
        default: {
          const isLast = this.#walkLine(bytes, at, length);
          at = this.#lineEnd;
          if (isLast) return this.#complete(exchange, at < length);
        }
      }
      if (this.#exchange !== exchange) return;
    }
  }

  #walkHead(from: Buffer, start: number, end: number, exchange: Exchange): number {
    const known = this.#known;
    const before = this.#pending;
    let rest: number;
    if (before === undefined && start === 0 && from === SHARED_BYTES && known.stands(SHARED_WORDS, from, end)) {
      rest = known.length;
    } else {
      const bytes = before === undefined ? from : Buffer.concat([before, from.subarray(start, end)]);
      const at = before === undefined ? start : 0;
      const length = before === undefined ? end : bytes.length;
      if (!this.#head.read(bytes, at, length)) {
        if (length - at > MAX_HEAD_BYTES) throw new ProtocolError("its head is too long");
        this.#pending = before === undefined ? Buffer.from(bytes.subarray(at, length)) : bytes;
        return end;
      }
      this.#pending = undefined;
      known.remember(bytes, at, this.#head.end);
      rest = before === undefined ? this.#head.end : this.#head.end - before.length + start;
      // Too long to be kept.
      if (known.length === 0 && exchange.wantsHead) exchange.head = bytes.toString("latin1", at, this.#head.end - 4);
    }
    return this.#took(rest, end, exchange);
  }

  /** The head is read, and what follows it begins at `rest`. */
  #took(rest: number, end: number, exchange: Exchange): number {
    const head = this.#head;
    const { status } = head;
    if (status < 200) {
      if (status === 101) throw new ProtocolError("it switches protocols, which nobody asked for");
      return rest;
    }
    exchange.status = status;
    if (exchange.wantsHead && this.#known.length > 0) exchange.head = this.#known.text;
    if (exchange.isHead || status === 204 || status === 304) this.#complete(exchange, rest < end);
    else if (head.isChunked) this.#state = "chunk-size";
    else if (head.contentLength === 0) this.#complete(exchange, rest < end);
    else if (head.contentLength > 0) {
      this.#remaining = head.contentLength;
      // Nothing of a reply that came whole has to be kept, nor looked at again.
      if (end - rest !== head.contentLength || exchange.wantsBody) this.#state = "length";
      else {
        this.#complete(exchange, false);
        // The same exchange may be under way again by now.
        return end;
      }
    } else {
      this.#remaining = Infinity;
      head.keepsAlive = false;
      this.#state = "until-close";
    }
    return rest;
  }

  #lineEnd = 0;

  /** Reads lines of chunked content: sizes, what ends a chunk, trailers. True at the end of the content. */
  #walkLine(bytes: Buffer, from: number, length: number): boolean {
    let at = from;
    while (at < length && bytes[at] !== 10) at++;
    this.#line += bytes.toString("latin1", from, at);
    if (this.#line.length > MAX_CHUNK_LINE) throw new ProtocolError("a line of its chunks is too long");
    this.#lineEnd = Math.min(at + 1, length);
    if (at === length) return false;
    const line = this.#line;
    this.#line = "";
    if (!line.endsWith("\r")) throw new ProtocolError("a line of its chunks ends in a bare LF");
    if (this.#state === "chunk-end") {
      if (line !== "\r") throw new ProtocolError("a chunk is longer than it says");
      this.#state = "chunk-size";
      return false;
    }
    if (this.#state === "trailer") return line === "\r";
    const size = /^([\da-f]{1,12})[ \t]*(?:;.*)?\r$/i.exec(line)?.[1];
    if (size === undefined) throw new ProtocolError("a chunk has no size");
    this.#remaining = Number.parseInt(size, 16);
    this.#state = this.#remaining === 0 ? "trailer" : "chunk";
    return false;
  }

  #complete(exchange: Exchange, hasMore: boolean): void {
    this.#exchange = undefined;
    this.deadline = Infinity;
    this.#state = "idle";
    this.served++;
    if (exchange.wantsBody) {
      exchange.body = this.#parts.length === 1 ? this.#parts[0] : Buffer.concat(this.#parts);
      this.#parts = [];
    }
    // Bytes behind a reply belong to nothing.
    if (!this.#head.keepsAlive || hasMore) this.#shut();
    exchange.ended();
  }

  #ended(): void {
    const exchange = this.#exchange;
    if (exchange !== undefined && this.#state === "until-close") this.#complete(exchange, false);
    else if (exchange === undefined) this.#shut();
    else
      this.#fail(
        new LoadFailure(
          1000,
          exchange.firstByteAt === 0
            ? "the server closed the connection (EOF)"
            : "the reply was cut off (unexpected EOF)",
        ),
      );
  }

  #fail(failure: LoadFailure): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    this.deadline = Infinity;
    this.#request = undefined;
    this.#state = "idle";
    this.#shut();
    if (exchange === undefined) return;
    exchange.endedAt = performance.now();
    exchange.failed(failure);
  }

  #shut(): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    this.isOpen = false;
    this.isGone = true;
    this.#socket = undefined;
    this.#parts = [];
    socket.destroy();
    this.onClosed?.(this);
  }
}
