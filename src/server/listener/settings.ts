import type { Socket } from "node:net";

/** Where a listener accepts connections: a TCP address, the path of a Unix domain socket, or another process. */
export type ListenAddress =
  | {
      /** Address or name to bind, e.g. `127.0.0.1` or `::`. */
      readonly host: string;
      /** TCP port; 0 picks a free one. */
      readonly port: number;
      /** The flag that changes the port, named when the port is taken. Default `--port`. */
      readonly portFlag?: string;
      /** Other processes may listen on it as well (`SO_REUSEPORT`). */
      readonly reusePort?: boolean;
    }
  | {
      /** Path of a Unix domain socket. A stale file left by a dead process is replaced. */
      readonly path: string;
      /** File mode of the socket, e.g. `0o660`. Absent: what the process's umask gives. */
      readonly mode?: number;
    }
  | {
      /** Another process accepts connections, and hands them to the taker. */
      readonly take: (taker: (socket: Socket) => void) => void;
      /** Where it does. */
      readonly url: string;
    };

/** A certificate chain and its private key, PEM. */
export interface Certificate {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
}

/** Bounds that keep one client from hurting the others. Zero switches off those that say so. */
export interface ListenerLimits {
  /** Request line and header section together. Over it: 431. HTTP/2: the header list. */
  readonly maxHeaderBytes: number;
  /** Request target. Over it: 414. */
  readonly maxUrlBytes: number;
  /** Header fields in one request. Over it: 431. */
  readonly maxHeadersCount: number;
  /** Request content, declared or counted. Over it: 413. */
  readonly maxBodyBytes: number;
  /** From the opening of a connection, or its first idle byte, to the end of the header section. TLS handshake likewise. */
  readonly headersTimeoutMs: number;
  /** For the whole request to arrive. */
  readonly requestTimeoutMs: number;
  /** An idle connection between requests, or an HTTP/2 session without streams. */
  readonly keepAliveTimeoutMs: number;
  /** A client that takes none of a reply for so long loses its connection or stream. */
  readonly replyStallTimeoutMs: number;
  /** Connections at a time; further ones are closed at once. 0: no limit of ours. */
  readonly maxConnections: number;
  /** Connections of one address at a time. 0: no limit. */
  readonly maxConnectionsPerAddress: number;
  /** Bits of an IPv6 address that count for that. */
  readonly ipv6Prefix: number;
  /** Requests on one HTTP/1.1 connection before it is closed. 0: no limit. */
  readonly maxRequestsPerSocket: number;
  /** Requests and replies remembered by their heads (see http1-memo.ts). 0 switches that off. */
  readonly memoBytes: number;
  /** HTTP/2 streams open at a time on one connection. */
  readonly maxConcurrentStreams: number;
  /** HTTP/2 streams that a client may reset in a burst (CVE-2023-44487); one over it closes the session. */
  readonly streamResetBurst: number;
  /** Resets a second by which the burst refills. */
  readonly streamResetsPerSecond: number;
}

/** What `createListener` needs to know. Limits that are absent or `undefined` take `listenerDefaults`. */
export type ListenerSettings = {
  readonly listen: ListenAddress;
  /** With a certificate the port speaks TLS and picks the protocol by ALPN; without one HTTP/2 is known by its preface. */
  readonly tls?: Certificate | undefined;
} & { readonly [Limit in keyof ListenerLimits]?: number | undefined };

/** The limits a listener takes where its settings name none. */
export const listenerDefaults: ListenerLimits = Object.freeze({
  maxHeaderBytes: 32 * 1024,
  maxUrlBytes: 16 * 1024,
  maxHeadersCount: 100,
  maxBodyBytes: 1024 * 1024,
  headersTimeoutMs: 15_000,
  requestTimeoutMs: 60_000,
  // Above the 60 s at which common load balancers drop idle connections: the side that reuses should close first.
  keepAliveTimeoutMs: 72_000,
  replyStallTimeoutMs: 30_000,
  maxConnections: 0,
  maxConnectionsPerAddress: 0,
  ipv6Prefix: 64,
  maxRequestsPerSocket: 0,
  memoBytes: 16 * 1024 * 1024,
  maxConcurrentStreams: 100,
  streamResetBurst: 200,
  streamResetsPerSecond: 33,
});

/** The limits of these settings, complete and frozen. */
export function resolveLimits(settings: Omit<ListenerSettings, "listen" | "tls">): ListenerLimits {
  const limits: Record<keyof ListenerLimits, number> = { ...listenerDefaults };
  for (const name of Object.keys(listenerDefaults) as (keyof ListenerLimits)[])
    limits[name] = settings[name] ?? limits[name];
  return Object.freeze(limits);
}
