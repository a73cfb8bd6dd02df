import type { Measures } from "./measures.ts";
import { type SecuredSocket, type TlsFacts, tlsFactsOf } from "./connect-tls.ts";
import type { Exchange } from "./exchange.ts";
import type { LoadFailure } from "./failure.ts";
import type { Http1Connection } from "./http1.ts";

/** What came of a request, and when. Times are milliseconds. */
export interface RawReply extends Measures {
  /** 0: there was no reply, and `failure` says why. */
  readonly status: number;
  readonly head: string;
  readonly body: Buffer | undefined;
  readonly failure: LoadFailure | undefined;
  readonly protocol: "HTTP/1.1" | "HTTP/2.0";
  readonly remoteAddress: string;
  readonly tls: TlsFacts | undefined;
  /** On the clock of `performance.now()`. */
  readonly endedAt: number;
}

/** A request of a script on its way, and then its reply: what nobody looks at is never computed. */
export class Transfer implements Exchange, RawReply {
  readonly isHead: boolean;
  readonly wantsHead = true;
  readonly wantsBody: boolean;
  readonly startedAt: number;
  readonly sentBytes: number;
  status = 0;
  head = "";
  body: Buffer | undefined = undefined;
  receivedBytes = 0;
  sentAt = 0;
  writtenAt = 0;
  firstByteAt = 0;
  endedAt = 0;
  failure: LoadFailure | undefined = undefined;
  protocol: RawReply["protocol"] = "HTTP/1.1";
  connection: Http1Connection | undefined = undefined;
  /** The connection was made for this request. */
  isFresh = false;
  secured: SecuredSocket | undefined = undefined;
  onDone: ((transfer: Transfer) => void) | undefined = undefined;

  constructor(isHead: boolean, wantsBody: boolean, startedAt: number, sentBytes: number) {
    this.isHead = isHead;
    this.wantsBody = wantsBody;
    this.startedAt = startedAt;
    this.sentBytes = sentBytes;
  }

  ended(): void {
    this.onDone?.(this);
  }

  failed(failure: LoadFailure): void {
    this.fail(failure);
    this.onDone?.(this);
  }

  /** There is no reply, whatever of it has come. */
  fail(failure: LoadFailure): void {
    this.failure = failure;
    this.status = 0;
    this.head = "";
    this.body = undefined;
  }

  get remoteAddress(): string {
    return this.connection?.remoteAddress ?? this.secured?.socket.remoteAddress ?? "";
  }

  get tls(): TlsFacts | undefined {
    if (this.connection !== undefined) return this.connection.tls;
    return this.secured === undefined ? undefined : tlsFactsOf(this.secured.socket);
  }

  get connecting(): number {
    if (!this.isFresh) return 0;
    if (this.secured !== undefined) return this.secured.connectedAt - this.secured.startedAt;
    const { connection } = this;
    return connection === undefined ? 0 : Math.max(0, connection.connectedAt - connection.connectStartedAt);
  }

  get tlsHandshaking(): number {
    if (!this.isFresh) return 0;
    if (this.secured !== undefined) return this.secured.securedAt - this.secured.connectedAt;
    const { connection } = this;
    return connection === undefined ? 0 : Math.max(0, connection.securedAt - connection.connectedAt);
  }

  get blocked(): number {
    return Math.max(0, this.#sentAt - this.startedAt - this.connecting - this.tlsHandshaking);
  }

  get sending(): number {
    return this.failure === undefined ? this.writtenAt - this.#sentAt : 0;
  }

  get waiting(): number {
    return this.failure === undefined ? this.firstByteAt - this.writtenAt : Math.max(0, this.endedAt - this.#sentAt);
  }

  get receiving(): number {
    return this.failure === undefined ? this.endedAt - this.firstByteAt : 0;
  }

  /** What was never sent took no time on its way. */
  get #sentAt(): number {
    return this.sentAt >= this.startedAt ? this.sentAt : this.endedAt;
  }
}
