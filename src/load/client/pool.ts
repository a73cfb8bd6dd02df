import type { ConnectionOptions } from "node:tls";
import type { Addresses } from "./addresses.ts";
import { connectTls } from "./connect-tls.ts";
import type { Deadlines } from "./deadlines.ts";
import { type LoadFailure, toFailure } from "./failure.ts";
import { Http1Connection } from "./http1.ts";
import { Http2Connection } from "./http2.ts";
import { type OutgoingRequest, renderHttp1, renderHttp2 } from "./request.ts";
import { type RawReply, Transfer } from "./transfer.ts";

export interface SendOptions {
  readonly timeoutMs: number;
  readonly wantsBody: boolean;
}

/** The connections of one VU. */
export interface ConnectionPool {
  /** Never rejects. */
  send(request: OutgoingRequest, options: SendOptions): Promise<RawReply>;
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

  /** Over a connection of TLS, by whatever protocol is agreed on. */
  const sendSecured = async (
    request: OutgoingRequest,
    rendered: Buffer | string,
    exchange: Transfer,
    address: string,
    timeoutMs: number,
  ): Promise<void> => {
    const { target } = request;
    const secured = await connectTls(target, address, ["h2", "http/1.1"], commons.tls, timeoutMs);
    exchange.secured = secured;
    if (closedBecause !== undefined) {
      secured.socket.destroy();
      throw closedBecause;
    }
    if (secured.socket.alpnProtocol === "h2") {
      protocols.set(target.key, "h2");
      const made = new Http2Connection(target, secured.socket);
      own(made);
      multiplexed.set(target.key, made);
      return sendOver2(made, request, exchange, timeoutMs);
    }
    protocols.set(target.key, "h1");
    const adopted = new Http1Connection(target, { connectTimeoutMs: timeoutMs, tls: commons.tls });
    own(adopted);
    adopted.connectStartedAt = secured.startedAt;
    adopted.connectedAt = secured.connectedAt;
    adopted.securedAt = secured.securedAt;
    adopted.adopt(secured.socket);
    await sendOver1(adopted, rendered, exchange, exchange.startedAt + timeoutMs);
    release(target.key, adopted);
  };

  const sendAnew = async (
    request: OutgoingRequest,
    rendered: Buffer | string,
    { timeoutMs, wantsBody }: SendOptions,
    startedAt: number,
  ): Promise<RawReply> => {
    const { target } = request;
    const { key } = target;
    const exchange = new Transfer(request.method === "HEAD", wantsBody, startedAt, rendered.length);
    try {
      for (let attempt = 0; ; attempt++) {
        if (closedBecause !== undefined) throw closedBecause;
        const shared = multiplexed.get(key);
        if (shared?.isOpen) {
          await sendOver2(shared, request, exchange, timeoutMs);
          break;
        }
        const known = takeIdle(key);
        if (known !== undefined) {
          await sendOver1(known, rendered, exchange, startedAt + timeoutMs);
          if (isStale(exchange, request)) {
            exchange.failure = undefined;
            continue;
          }
          release(key, known);
          break;
        }
        const address = await addressOf(target.hostname, attempt);
        exchange.isFresh = true;
        if (target.isTls && protocols.get(key) !== "h1") {
          await sendSecured(request, rendered, exchange, address, timeoutMs);
          break;
        }
        const made = new Http1Connection(target, {
          connectTimeoutMs: timeoutMs,
          tls: commons.tls,
          localAddress: commons.localAddress,
        });
        own(made);
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
      exchange.fail(toFailure(error));
      exchange.endedAt = performance.now();
    }
    return exchange;
  };
  /** The server closed a connection that rested, just when it was to be used. */
  const isStale = ({ failure, firstByteAt }: Transfer, { method }: OutgoingRequest): boolean =>
    failure !== undefined &&
    firstByteAt === 0 &&
    failure.code !== 1050 &&
    closedBecause === undefined &&
    REPEATABLE.has(method);

  // Most requests find a connection of HTTP/1.1 that rests: they cost one promise.
  const send: ConnectionPool["send"] = (request, options) => {
    const startedAt = performance.now();
    const rendered = (request.rendered ??= renderHttp1(request));
    const { key } = request.target;
    const isPlain = closedBecause === undefined && multiplexed.size === 0;
    const known = isPlain ? takeIdle(key) : undefined;
    if (known === undefined) return sendAnew(request, rendered, options, startedAt);
    return new Promise((resolve) => {
      const exchange = new Transfer(request.method === "HEAD", options.wantsBody, startedAt, rendered.length);
      exchange.connection = known;
      exchange.onDone = () => {
        if (isStale(exchange, request)) return resolve(sendAnew(request, rendered, options, startedAt));
        release(key, known);
        resolve(exchange);
      };
      known.send(rendered, exchange, startedAt + options.timeoutMs, startedAt);
    });
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

async function sendOver1(
  connection: Http1Connection,
  rendered: Buffer | string,
  exchange: Transfer,
  deadline: number,
): Promise<void> {
  return new Promise((resolve) => {
    exchange.connection = connection;
    exchange.onDone = () => resolve();
    connection.send(rendered, exchange, deadline, performance.now());
  });
}

async function sendOver2(
  connection: Http2Connection,
  request: OutgoingRequest,
  exchange: Transfer,
  timeoutMs: number,
): Promise<void> {
  return new Promise((resolve) => {
    exchange.protocol = "HTTP/2.0";
    exchange.onDone = () => resolve();
    connection.send(renderHttp2(request), request.body, exchange, timeoutMs);
  });
}
