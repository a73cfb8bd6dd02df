import type { ConnectionOptions, TLSSocket } from "node:tls";
import type { Addresses } from "./addresses.ts";
import { connectTls } from "./connect-tls.ts";
import type { Deadlines } from "./deadlines.ts";
import type { Exchange } from "./exchange.ts";
import { type LoadFailure, toFailure } from "./failure.ts";
import { Http1Connection } from "./http1.ts";
import { Http2Connection } from "./http2.ts";
import { type OutgoingRequest, renderHttp1, renderHttp2 } from "./request.ts";
import type { Target } from "./target.ts";

/** What came of a request, and when. Times are milliseconds. */
export interface RawReply {
  /** 0: there was no reply, and `failure` says why. */
  readonly status: number;
  readonly head: string;
  readonly body: Buffer | undefined;
  readonly failure: LoadFailure | undefined;
  readonly protocol: "HTTP/1.1" | "HTTP/2.0";
  readonly remoteAddress: string;
  readonly tls: { readonly version: string; readonly cipher: string } | undefined;
  readonly blocked: number;
  readonly connecting: number;
  readonly tlsHandshaking: number;
  readonly sending: number;
  readonly waiting: number;
  readonly receiving: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** On the clock of `performance.now()`. */
  readonly endedAt: number;
}

/** The connections of one VU. */
export interface ConnectionPool {
  /** Never rejects. */
  send(
    request: OutgoingRequest,
    options: { readonly timeoutMs: number; readonly wantsBody: boolean },
  ): Promise<RawReply>;
  /** Ends all connections; requests under way fail with the reason. */
  close(reason: LoadFailure): void;
}

/** What pools of one process share. */
export interface PoolCommons {
  readonly addresses: Addresses;
  readonly deadlines: Deadlines;
  /** Which protocol an origin has agreed on. */
  readonly protocols: Map<string, "h1" | "h2">;
  readonly tls: ConnectionOptions;
  readonly localAddress: string | undefined;
  readonly reusesConnections: boolean;
}

/** Requests that may be sent again because nothing can have come of them. */
const REPEATABLE: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);
const MAX_IDLE = 100;

export function createPool(commons: PoolCommons): ConnectionPool {
  const { addresses, deadlines, protocols } = commons;
  const idle = new Map<string, Http1Connection[]>();
  const multiplexed = new Map<string, Http2Connection>();
  const open = new Set<Http1Connection | Http2Connection>();
  let closedBecause: LoadFailure | undefined;

  const own = (connection: Http1Connection | Http2Connection): void => {
    open.add(connection);
    if (connection instanceof Http1Connection) {
      deadlines.watch(connection);
      connection.onClosed = () => {
        open.delete(connection);
        deadlines.forget(connection);
      };
    } else connection.onClosed = () => void open.delete(connection);
  };
  const takeIdle = (key: string): Http1Connection | undefined => {
    const list = idle.get(key);
    for (let found = list?.pop(); found !== undefined; found = list?.pop()) if (found.isOpen) return found;
    return undefined;
  };
  const release = (key: string, connection: Http1Connection): void => {
    if (!connection.isOpen) return;
    if (!commons.reusesConnections) return connection.close();
    const list = idle.get(key) ?? [];
    if (list.length >= MAX_IDLE) return connection.close();
    list.push(connection);
    idle.set(key, list);
  };
  const addressOf = async (hostname: string, attempt: number): Promise<string> => {
    if (addresses.find(hostname, attempt) === undefined) await addresses.load(hostname);
    return addresses.find(hostname, attempt) ?? hostname;
  };

  const send: ConnectionPool["send"] = async (request, { timeoutMs, wantsBody }) => {
    const startedAt = performance.now();
    const { target } = request;
    const key = keyOf(target);
    const exchange = new Transfer(request.method === "HEAD", wantsBody);
    const rendered = renderHttp1(request);
    const facts: Facts = {
      startedAt,
      sentBytes: rendered.length,
      connection: undefined,
      isFresh: false,
      protocol: "HTTP/1.1",
      secured: undefined,
    };
    try {
      for (let attempt = 0; ; attempt++) {
        if (closedBecause !== undefined) throw closedBecause;
        const shared = multiplexed.get(key);
        if (shared?.isOpen) {
          await over2(shared, request, exchange, timeoutMs, facts);
          break;
        }
        const known = takeIdle(key);
        if (known !== undefined) {
          facts.connection = known;
          facts.isFresh = false;
          await sendOver1(known, rendered, exchange, startedAt + timeoutMs);
          const isStale =
            exchange.failure !== undefined && exchange.firstByteAt === 0 && exchange.failure.code !== 1050;
          // The server closed a connection that rested, just when it was to be used.
          if (isStale && closedBecause === undefined && REPEATABLE.has(request.method)) {
            exchange.failure = undefined;
            continue;
          }
          release(key, known);
          break;
        }
        const address = await addressOf(target.hostname, attempt);
        facts.isFresh = true;
        if (target.isTls && protocols.get(key) !== "h1") {
          const secured = await connectTls(target, address, ["h2", "http/1.1"], commons.tls, timeoutMs);
          facts.secured = secured;
          if (closedBecause !== undefined) {
            secured.socket.destroy();
            throw closedBecause;
          }
          if (secured.socket.alpnProtocol === "h2") {
            protocols.set(key, "h2");
            const made = new Http2Connection(target, secured.socket);
            own(made);
            multiplexed.set(key, made);
            await over2(made, request, exchange, timeoutMs, facts);
            break;
          }
          protocols.set(key, "h1");
          const adopted = new Http1Connection(target, { connectTimeoutMs: timeoutMs, tls: commons.tls });
          own(adopted);
          adopted.connectStartedAt = secured.startedAt;
          adopted.connectedAt = secured.connectedAt;
          adopted.securedAt = secured.securedAt;
          adopted.adopt(secured.socket);
          facts.connection = adopted;
          await sendOver1(adopted, rendered, exchange, startedAt + timeoutMs);
          release(key, adopted);
          break;
        }
        const made = new Http1Connection(target, {
          connectTimeoutMs: timeoutMs,
          tls: commons.tls,
          localAddress: commons.localAddress,
        });
        own(made);
        facts.connection = made;
        made.connect(address);
        await sendOver1(made, rendered, exchange, startedAt + timeoutMs);
        const couldNotConnect = exchange.failure !== undefined && made.securedAt === 0;
        // A name may have several addresses, of which the first need not listen: localhost is one.
        if (couldNotConnect && attempt + 1 < addresses.count(target.hostname) && closedBecause === undefined) {
          exchange.failure = undefined;
          continue;
        }
        release(key, made);
        break;
      }
    } catch (error) {
      exchange.failure = toFailure(error);
      exchange.endedAt = performance.now();
    }
    return toReply(exchange, facts);
  };

  return {
    send,
    close(reason) {
      closedBecause = reason;
      for (const connection of open) {
        if (connection instanceof Http1Connection) connection.close(reason);
        else connection.close();
      }
      idle.clear();
      multiplexed.clear();
      // What comes next may connect anew.
      closedBecause = undefined;
    },
  };
}

function keyOf(target: Target): string {
  return `${target.origin} ${target.hostname}:${target.port}`;
}

async function sendOver1(
  connection: Http1Connection,
  rendered: Buffer | string,
  exchange: Transfer,
  deadline: number,
): Promise<void> {
  return new Promise((resolve) => {
    exchange.onDone = resolve;
    connection.send(rendered, exchange, deadline);
  });
}

interface Facts {
  readonly startedAt: number;
  readonly sentBytes: number;
  connection: Http1Connection | undefined;
  isFresh: boolean;
  protocol: RawReply["protocol"];
  secured:
    | {
        readonly socket: TLSSocket;
        readonly startedAt: number;
        readonly connectedAt: number;
        readonly securedAt: number;
      }
    | undefined;
}

async function over2(
  connection: Http2Connection,
  request: OutgoingRequest,
  exchange: Transfer,
  timeoutMs: number,
  facts: Facts,
): Promise<void> {
  facts.protocol = "HTTP/2.0";
  return new Promise((resolve) => {
    exchange.onDone = resolve;
    connection.send(renderHttp2(request), request.body, exchange, timeoutMs);
  });
}

/** An exchange whose end can be waited for. */
class Transfer implements Exchange {
  readonly isHead: boolean;
  readonly wantsHead = true;
  readonly wantsBody: boolean;
  status = 0;
  head = "";
  body: Buffer | undefined = undefined;
  receivedBytes = 0;
  sentAt = 0;
  writtenAt = 0;
  firstByteAt = 0;
  endedAt = 0;
  failure: LoadFailure | undefined = undefined;
  onDone: (() => void) | undefined = undefined;

  constructor(isHead: boolean, wantsBody: boolean) {
    this.isHead = isHead;
    this.wantsBody = wantsBody;
  }

  ended(): void {
    this.onDone?.();
  }

  failed(failure: LoadFailure): void {
    this.failure = failure;
    this.onDone?.();
  }
}

function toReply(
  exchange: Transfer,
  { startedAt, sentBytes, connection, isFresh, protocol, secured }: Facts,
): RawReply {
  const { failure } = exchange;
  const hasReply = failure === undefined;
  const made =
    secured ??
    (connection === undefined
      ? undefined
      : {
          startedAt: connection.connectStartedAt,
          connectedAt: connection.connectedAt,
          securedAt: connection.securedAt,
        });
  const connecting = isFresh && made !== undefined ? Math.max(0, made.connectedAt - made.startedAt) : 0;
  const tlsHandshaking = isFresh && made !== undefined ? Math.max(0, made.securedAt - made.connectedAt) : 0;
  const sentAt = exchange.sentAt >= startedAt ? exchange.sentAt : exchange.endedAt;
  const socket = secured?.socket ?? connection?.socket;
  return {
    status: hasReply ? exchange.status : 0,
    head: hasReply ? exchange.head : "",
    body: hasReply ? exchange.body : undefined,
    failure,
    protocol,
    remoteAddress: connection?.remoteAddress ?? secured?.socket.remoteAddress ?? "",
    tls: socket !== undefined && "getCipher" in socket ? tlsOf(socket) : undefined,
    blocked: Math.max(0, sentAt - startedAt - connecting - tlsHandshaking),
    connecting,
    tlsHandshaking,
    sending: hasReply ? exchange.writtenAt - sentAt : 0,
    waiting: hasReply ? exchange.firstByteAt - exchange.writtenAt : Math.max(0, exchange.endedAt - sentAt),
    receiving: hasReply ? exchange.endedAt - exchange.firstByteAt : 0,
    sentBytes,
    receivedBytes: exchange.receivedBytes,
    endedAt: exchange.endedAt,
  };
}

function tlsOf(socket: TLSSocket): RawReply["tls"] {
  const version = socket.getProtocol();
  return version === null ? undefined : { version, cipher: socket.getCipher().standardName };
}
