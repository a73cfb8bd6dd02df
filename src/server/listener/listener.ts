import type { IncomingMessage, Server as HttpServer } from "node:http";
import type { Http2Server } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import type { Server, Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { TLSSocket } from "node:tls";
import type { Log } from "../../api/source.ts";
import { HotpathError } from "../../errors.ts";
import { createServer as createHttpServer } from "../../http/node-http.ts";
import { bind, type BoundAddress } from "./bind.ts";
import type { BodyLimit } from "./body-limit.ts";
import { type ConnectionCounts, limitConnections } from "./connection-limit.ts";
import { serveHttp1 } from "./http1.ts";
import { createRequestMemo, type MemoStats } from "./http1-memo.ts";
import { isWebSocketUpgrade, serveUpgrades } from "./http1-upgrade.ts";
import { type Http2Sessions, serveHttp2, toHttp2Options } from "./http2.ts";
import { createProtocolGate } from "./preface.ts";
import type { Handler, ServeContext, UpgradeHandler } from "./serve.ts";
import { resolveLimits, type Certificate, type ListenerLimits, type ListenerSettings } from "./settings.ts";

/** A port that speaks HTTP/1.1 and HTTP/2. */
export interface Listener {
  /**
   * Starts accepting connections.
   *
   * @throws HotpathError `HP_PORT_IN_USE` or `HP_LISTEN_FAILED`.
   */
  listen(): Promise<BoundAddress>;
  /**
   * Stops accepting, closes idle connections at once, lets requests under way finish for up to `graceMs` (clients
   * are told to leave), then destroys what is left. Resolves when no connection remains; may be called twice.
   *
   * @param options `lingerMs`: how long idle connections stay, so that whoever is about to send a request on one is answered, and told to
   *   leave with the answer. For listeners that another process hands connections to.
   */
  close(options: { readonly graceMs: number; readonly lingerMs?: number }): Promise<void>;
  /** So many connections are to go, those that are open longest, as soon as their clients can be told so. */
  shed(connections: number): void;
  /** Connections open now, and refused. */
  connections(): ConnectionCounts;
  /** The request memo's counts. */
  memo(): MemoStats;
  /** Puts a new certificate into force for connections to come. Only for listeners that speak TLS. */
  setCertificate(certificate: Certificate): void;
}

/**
 * A listener that answers every well-formed request with `handle` and everything else with problem details. With
 * `settings.tls` the protocol is picked by ALPN; without, HTTP/2 is known by its preface ("prior knowledge").
 */
export function createListener(
  settings: ListenerSettings,
  handle: Handler,
  log: Log,
  upgrade?: UpgradeHandler,
  bodyLimit?: BodyLimit,
): Listener {
  const limits = resolveLimits(settings);
  let isClosing = false;
  let closed: Promise<void> | undefined;
  const memo = createRequestMemo({ maxBytes: limits.memoBytes });
  /** Connections that are to go. */
  const shedding = new Set<Socket>();
  const context: ServeContext = {
    handle,
    limits,
    bodyLimit,
    log,
    isClosing: (socket) => isClosing || (shedding.size > 0 && socket !== undefined && shedding.has(socket)),
    memo,
  };

  const server = createServer(settings.tls, limits);
  let http2: { readonly server: Http2Server; readonly sessions: Http2Sessions } | undefined;
  // Made for the first connection that speaks it, and Node's part of it loaded then: many servers never see one.
  const openHttp2 = (): NonNullable<typeof http2> => {
    const http2Server = process.getBuiltinModule("node:http2").createServer(toHttp2Options(limits));
    return { server: http2Server, sessions: serveHttp2(http2Server, context) };
  };
  const connections = serveHttp1(server, context);
  if (upgrade !== undefined) serveUpgrades(server, context, upgrade);
  const gate = route(server, settings.tls !== undefined, limits, {
    http1: (socket) => connections.accept(socket),
    http2(socket) {
      // As Node's HTTP/2 servers have it, and HTTP/1.1 ones do not: else a client that goes amid a request is never missed.
      socket.allowHalfOpen = false;
      http2 ??= openHttp2();
      http2.server.emit("connection", socket);
    },
  });

  const sockets = new Set<Socket>();
  /** Of those, the ones that speak TLS, as their requests know them. */
  const secured = new Set<Socket>();
  const keep = (set: Set<Socket>) => (socket: Socket) => {
    set.add(socket);
    socket.once("close", () => {
      set.delete(socket);
      if (shedding.size > 0) shedding.delete(socket);
    });
  };
  server.on("connection", keep(sockets));
  if (settings.tls !== undefined) server.on("secureConnection", keep(secured));

  const counts = limitConnections(server, {
    maxPerAddress: limits.maxConnectionsPerAddress,
    ipv6Prefix: limits.ipv6Prefix,
  });

  return {
    async listen() {
      const bound = await bind(server, settings.listen, settings.tls === undefined ? "http" : "https");
      server.on("error", (error) => log.error({ err: error }, "listener failed"));
      return bound;
    },
    close({ graceMs, lingerMs = 0 }) {
      isClosing = true;
      // Nothing is lost with a session: its client is told which requests it has to send elsewhere.
      http2?.sessions.close();
      const end = (): Promise<void> => drain(server, graceMs, { sockets, leave: () => gate.close() });
      closed ??= lingerMs > 0 ? linger(sockets, lingerMs).then(end) : end();
      return closed;
    },
    shed(connections) {
      const sessions = http2?.sessions.count ?? 0;
      const share = sockets.size === 0 ? 0 : sessions / sockets.size;
      const ofSessions = Math.min(sessions, Math.round(connections * share));
      http2?.sessions.close(ofSessions);
      for (const socket of settings.tls === undefined ? sockets : secured) {
        if (shedding.size >= connections - ofSessions) return;
        shedding.add(socket);
      }
    },
    connections: () => counts,
    memo: () => memo.stats,
    setCertificate(certificate) {
      if (!("setSecureContext" in server)) throw new HotpathError("HP_OPTION_INVALID", "This listener speaks no TLS.");
      (server as ReturnType<typeof createHttpsServer>).setSecureContext({ ...TLS_OPTIONS, ...certificate });
    },
  };
}

/** Forward secrecy and authenticated encryption alone, as HTTP/2 demands (RFC 9113 section 9.2.2): no client of the last ten years needs more. */
const TLS_OPTIONS = {
  minVersion: "TLSv1.2",
  ciphers: [
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
  ].join(":"),
} as const;

/** How often a draining listener looks for connections that have become idle. */
const DRAIN_INTERVAL_MS = 50;

function createServer(tls: Certificate | undefined, limits: ListenerLimits): HttpServer {
  const options = {
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: Math.max(limits.requestTimeoutMs, limits.headersTimeoutMs),
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    // Timeouts are enforced at this interval: often enough to be near them, rarely enough to cost nothing.
    connectionsCheckingInterval: Math.min(2000, Math.max(50, Math.ceil(limits.headersTimeoutMs / 4))),
    // `checkFraming` refuses a missing Host itself, with a reply that says why.
    requireHostHeader: false,
    // Everything else that asks for another protocol (`Upgrade: h2c`) is an ordinary request. Node 24.9 and later.
    shouldUpgradeCallback: (message: IncomingMessage) =>
      server.listenerCount("upgrade") > 0 && isWebSocketUpgrade(message),
    insecureHTTPParser: false,
  };
  const server: HttpServer =
    tls === undefined
      ? createHttpServer(options)
      : createHttpsServer({
          ...options,
          ...TLS_OPTIONS,
          ...tls,
          ALPNProtocols: ["h2", "http/1.1"],
          handshakeTimeout: limits.headersTimeoutMs,
        });
  // Node drops further fields silently; one more than allowed lets us see and refuse them.
  server.maxHeadersCount = limits.maxHeadersCount + 1;
  server.maxRequestsPerSocket = limits.maxRequestsPerSocket;
  if (limits.maxConnections > 0) server.maxConnections = limits.maxConnections;
  return server;
}

/**
 * Puts the choice of protocol before Node's own connection listener, which goes on to serve HTTP/1.1. With TLS the
 * handshake has chosen; without, the gate looks at the first bytes.
 */
function route(
  server: HttpServer,
  isSecure: boolean,
  limits: ListenerLimits,
  { http1: accepted, http2 }: { readonly http1: (socket: Socket) => void; readonly http2: (socket: Socket) => void },
): { close(): void } {
  const event = isSecure ? "secureConnection" : "connection";
  const serveConnection = server.listeners(event) as ((this: Server, socket: Socket) => void)[];
  server.removeAllListeners(event);
  const http1 = (socket: Socket): void => {
    for (const listener of serveConnection) listener.call(server, socket);
    accepted(socket);
  };
  if (isSecure) {
    server.on(event, (socket: TLSSocket) => (socket.alpnProtocol === "h2" ? http2(socket) : http1(socket)));
    server.removeAllListeners("tlsClientError");
    server.on("tlsClientError", (_error: Error, socket: TLSSocket) => socket.destroy());
    return { close() {} };
  }
  const gate = createProtocolGate({ timeoutMs: limits.headersTimeoutMs, http1, http2 });
  server.on(event, (socket: Socket) => gate.accept(socket));
  return gate;
}

/** Waits until no connection is left, at most so long. */
async function linger(sockets: ReadonlySet<Socket>, lingerMs: number): Promise<void> {
  const untilMs = performance.now() + lingerMs;
  while (performance.now() < untilMs) {
    await delay(Math.min(DRAIN_INTERVAL_MS, lingerMs));
    if (sockets.size === 0) return;
  }
}

async function drain(
  server: HttpServer,
  graceMs: number,
  connections: { readonly sockets: ReadonlySet<Socket>; leave(): void },
): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  connections.leave();
  // Node closes connections that are idle now; those that become idle later are ours to close.
  const sweep = setInterval(() => server.closeIdleConnections(), DRAIN_INTERVAL_MS);
  const deadline = setTimeout(() => {
    for (const socket of connections.sockets) socket.destroy();
  }, graceMs);
  await ended;
  // The server counts a connection out a moment before the connection itself says so.
  await Promise.all(
    Array.from(connections.sockets, (socket) => new Promise((resolve) => socket.once("close", resolve))),
  );
  clearInterval(sweep);
  clearTimeout(deadline);
}
