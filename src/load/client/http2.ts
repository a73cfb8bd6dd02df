import { type ClientHttp2Session, connect, constants } from "node:http2";
import { connect as connectTcp } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Exchange } from "./exchange.ts";
import { LoadFailure, timeoutFailure, toFailure } from "./failure.ts";
import type { Target } from "./target.ts";

/** A connection of HTTP/2, which carries any number of exchanges at a time. */
export class Http2Connection {
  readonly target: Target;
  served = 0;
  isOpen = true;
  underWay = 0;
  onClosed: ((connection: Http2Connection) => void) | undefined;
  readonly remoteAddress: string;
  readonly #session: ClientHttp2Session;
  #failure: LoadFailure | undefined;

  /** Over a TLS socket that is agreed on h2, or over plain TCP to an address, with prior knowledge. */
  constructor(target: Target, over: TLSSocket | string) {
    this.target = target;
    this.remoteAddress = typeof over === "string" ? over : (over.remoteAddress ?? "");
    this.#session = connect(`${target.isTls ? "https" : "http"}://${target.authority}`, {
      createConnection: () =>
        typeof over === "string" ? connectTcp({ host: over, port: target.port, noDelay: true }) : over,
    });
    this.#session.on("error", (error) => this.#closed(toFailure(error)));
    this.#session.on("goaway", () => this.#closed(undefined));
    this.#session.on("close", () => this.#closed(undefined));
  }

  /** Sends a request; the reply's head is written out as HTTP/1.1 would have it. */
  send(
    headers: Readonly<Record<string, string | string[]>>,
    body: Buffer | undefined,
    exchange: Exchange,
    timeoutMs: number,
  ): void {
    exchange.receivedBytes = 0;
    exchange.firstByteAt = 0;
    exchange.sentAt = performance.now();
    if (!this.isOpen) return exchange.failed(this.#failure ?? new LoadFailure(1000, "the connection was closed"));
    this.underWay++;
    const stream = this.#session.request(headers, { endStream: body === undefined });
    const parts: Buffer[] = [];
    let failure: LoadFailure | undefined;
    let isDone = false;
    const timer = setTimeout(() => {
      failure = timeoutFailure();
      stream.close(constants.NGHTTP2_CANCEL);
    }, timeoutMs);
    if (body !== undefined) stream.end(body);
    exchange.writtenAt = performance.now();
    stream.on("response", (fields) => {
      exchange.firstByteAt = performance.now();
      exchange.status = Number(fields[":status"]);
      if (exchange.wantsHead) exchange.head = toHead(fields);
      exchange.receivedBytes += 9;
    });
    stream.on("data", (chunk: Buffer) => {
      exchange.receivedBytes += chunk.length;
      if (exchange.wantsBody) parts.push(chunk);
    });
    stream.on("error", (error) => {
      failure ??= this.#failure ?? toFailure(error);
    });
    stream.on("end", () => {
      if (stream.rstCode === constants.NGHTTP2_NO_ERROR) isDone = true;
      exchange.endedAt = performance.now();
    });
    stream.on("close", () => {
      clearTimeout(timer);
      this.underWay--;
      if (isDone && failure === undefined && exchange.firstByteAt > 0) {
        this.served++;
        if (exchange.wantsBody) exchange.body = parts.length === 1 ? parts[0] : Buffer.concat(parts);
        exchange.ended();
      } else {
        exchange.endedAt = performance.now();
        exchange.failed(
          failure ??
            new LoadFailure(1600 + stream.rstCode, `stream error: the server reset it with code ${stream.rstCode}`),
        );
      }
    });
  }

  close(): void {
    this.#closed(undefined);
    this.#session.destroy();
  }

  #closed(failure: LoadFailure | undefined): void {
    this.#failure ??= failure;
    if (!this.isOpen) return;
    this.isOpen = false;
    this.onClosed?.(this);
  }
}

function toHead(fields: Readonly<Record<string, string | number | string[] | undefined>>): string {
  const lines = [`HTTP/2.0 ${String(fields[":status"])}`];
  for (const [name, value] of Object.entries(fields)) {
    if (name.startsWith(":") || value === undefined) continue;
    for (const one of [value].flat()) lines.push(`${name}: ${String(one)}`);
  }
  return lines.join("\r\n");
}
