import type {
  ContentEncoding,
  ForwardedFields,
  LogLevel,
  RequestLog,
  RetriedStatus,
  UpstreamAuth,
  UpstreamHost,
  UpstreamProtocol,
} from "./settings.ts";

/** `"500ms"`, `"30s"`, `"5m"`, `"1h"`, `"7d"`, or a number of milliseconds. */
export type Duration = string | number;
/** `"64KiB"` (1024), `"1MB"` (1000), or a number of bytes. */
export type ByteSize = string | number;

/**
 * Options of the server as written in `defineApi` or passed to `listen`. Ranges and defaults are in docs/options.md;
 * `undefined` means not given.
 */
export interface ServerOptions {
  server?: {
    /** Address the API listens on. */
    host?: string | undefined;
    /** Port of the API; 0 takes a free one. */
    port?: number | undefined;
    /** Unix socket in place of host and port. */
    socket?: string | null | undefined;
    /** File mode of the socket, such as `660`. */
    socketMode?: string | null | undefined;
    /** Share the port with other processes. */
    reusePort?: boolean | undefined;
    tls?: {
      /** Path of the certificate (PEM). */
      cert?: string | null | undefined;
      /** Path of the private key (PEM). */
      key?: string | null | undefined;
      /** Make a self-signed certificate at start. */
      dev?: boolean | undefined;
    };
    /** How long requests under way may take to finish at shutdown. */
    shutdownGrace?: Duration | undefined;
    /** Connections open at once. */
    maxConnections?: number | undefined;
    /** `null`: as many as there may be at all. */
    maxConnectionsPerAddress?: number | null | undefined;
    /** Processes that `hotpath serve` answers by, on one port: a number, or `auto`. Default: the one process. */
    workers?: string | null | undefined;
    /** Fewest workers with `auto`. Default 1. */
    minWorkers?: number | undefined;
    /** Most workers with `auto`. Default: one for each core. */
    maxWorkers?: number | null | undefined;
  };
  admin?: {
    /** Whether `/live`, `/ready` and `/metrics` are served. */
    enabled?: boolean | undefined;
    host?: string | undefined;
    port?: number | undefined;
    /** Unix socket in place of host and port. */
    socket?: string | null | undefined;
    /** File mode of the socket. */
    socketMode?: string | null | undefined;
    /** What `Authorization: Bearer …` must bring; needed where `host` is not this machine's own. */
    token?: string | null | undefined;
    /** Lets the network in without a token: PostgREST's place needs that. */
    isOpen?: boolean | undefined;
    /** Host names the admin listener answers to; `*` for any. */
    allowedHosts?: readonly string[] | undefined;
  };
  http?: {
    /** Largest request head, URL included. */
    maxHeaderBytes?: ByteSize | undefined;
    maxUrlBytes?: ByteSize | undefined;
    maxBodyBytes?: ByteSize | undefined;
    /** How long a client may take to send a request's head. */
    headersTimeout?: Duration | undefined;
    /** How long a client may take to send a whole request. */
    requestTimeout?: Duration | undefined;
    keepAliveTimeout?: Duration | undefined;
    /** Requests under way at once on one HTTP/2 connection. */
    maxConcurrentStreams?: number | undefined;
    /** `Cache-Control` of successful replies that have none. */
    defaultCacheControl?: string | null | undefined;
    /** Whether `X-Content-Type-Options: nosniff` is sent with what is answered here. */
    securityHeaders?: boolean | undefined;
    /** Send `Server-Timing`. */
    serverTiming?: boolean | undefined;
    /** Request header that is sent back with the reply. */
    traceHeader?: string | null | undefined;
    /** How long a request may take in all; `null`: as long as it needs. */
    deadline?: Duration | null | undefined;
    /** Let clients shorten it by `Request-Timeout`. */
    heedRequestTimeout?: boolean | undefined;
  };
  batch?: {
    /** Where several requests can be sent in one; `null`: nowhere. */
    path?: string | null | undefined;
    maxRequests?: number | undefined;
    /** Requests of one batch under way at once. */
    concurrency?: number | undefined;
    /** Of one request. */
    maxReplyBytes?: ByteSize | undefined;
  };
  compression?: {
    enabled?: boolean | undefined;
    /** In order of preference. */
    encodings?: readonly ContentEncoding[] | undefined;
    /** Smallest reply that is compressed. */
    fromBytes?: ByteSize | undefined;
  };
  cache?: {
    /** Store replies that may be given again. */
    enabled?: boolean | undefined;
    /** Room for them in this process. */
    memory?: ByteSize | undefined;
    /** Replies with more content are passed on and not stored. */
    maxEntryBytes?: ByteSize | undefined;
    /** Memory for replies repeated to requests with the same head; 0 for none. */
    memoBytes?: ByteSize | undefined;
    /** Of the time since `Last-Modified`, the percentage for which a reply without explicit freshness is fresh. */
    heuristicPercent?: number | undefined;
    /** The longest that may give. */
    heuristicMax?: Duration | undefined;
    /** How long stale replies are used while the source fails, where nobody says otherwise. */
    staleIfError?: Duration | undefined;
    /** Heed clients' `Cache-Control`. */
    heedRequests?: boolean | undefined;
    /** Addresses and networks (CIDR) that may send `PURGE`. */
    purgeFrom?: readonly string[] | undefined;
    /** Send `Cache-Status`. */
    status?: boolean | undefined;
    /** URL of the Redis or Valkey that nodes share replies and purges through. */
    redis?: string | null | undefined;
    /** Memcached servers in place of Redis. */
    memcached?: readonly string[] | undefined;
    /** Beginning of every name in Redis or Memcached. */
    prefix?: string | undefined;
    /** How long a request waits for the shared tier. */
    softTimeout?: Duration | undefined;
    /** When a call to the shared tier counts as failed. */
    hardTimeout?: Duration | undefined;
    /** Larger replies stay in this process. */
    maxSharedBytes?: ByteSize | undefined;
  };
  auth?: {
    /** Tokens: JSON Web Tokens in `Authorization: Bearer …`. */
    jwt?: {
      /** Key: a text of at least 32 characters, a JWK, a JWK set, or a public key (PEM). */
      secret?: string | null | undefined;
      secretIsBase64?: boolean | undefined;
      /** Path of a file with a key or set. */
      keysFile?: string | null | undefined;
      /** URL of a JWK set. */
      keysUrl?: string | null | undefined;
      /** Age at which the set at the URL is fetched again. */
      keysMaxAge?: Duration | undefined;
      /** Audiences of which tokens must name one, unless they name none; empty: any. */
      audience?: readonly string[] | undefined;
      /** Issuer that tokens must name. */
      issuer?: string | null | undefined;
      /** Where the role stands among the claims. */
      roleClaim?: string | undefined;
      clockSkew?: Duration | undefined;
      /** Verified tokens that are remembered. */
      maxCached?: number | undefined;
    };
    /** Keys, for those without tokens. */
    apiKeys?: {
      /** As `name:role:hash`; `hotpath key` makes them. */
      keys?: readonly string[] | undefined;
      /** Path of a JSON file with keys. */
      file?: string | null | undefined;
      /** Header field that brings a key. */
      header?: string | undefined;
    };
  };
  limit?: {
    /** Rate limits as texts, `burst=100/1m/ip`; see `limits` for all that can be said. */
    policies?: readonly string[] | undefined;
    /** Redis that nodes count in together; `null`: the cache's. */
    redis?: string | null | undefined;
    /** Count in Redis where there is one. */
    shared?: boolean | undefined;
    /** How long a decision of Redis is waited for. */
    timeout?: Duration | undefined;
    /** Whether each node grants its share while Redis cannot be asked, or refuses. */
    whenUnreachable?: "share" | "refuse" | undefined;
    /** A node's part of a quota meanwhile. */
    sharePercent?: number | undefined;
    /** Bits of an IPv6 address that count as one client. */
    ipv6Prefix?: number | undefined;
    /** Proxies whose `X-Forwarded-For` is believed. */
    trustedProxies?: readonly string[] | undefined;
    /** Send `RateLimit-Policy` and `RateLimit`. */
    fields?: boolean | undefined;
  };
  overload?: {
    /** Give each source only as many requests at once as it answers in time, and refuse those that would wait. */
    enabled?: boolean | undefined;
    /** How long a request may wait for its turn, and how much longer than without load its source may take for it. */
    delay?: Duration | undefined;
    /** Requests that a source is always given at once. */
    minLimit?: number | undefined;
    /** Requests that a source is given at once at most. */
    maxLimit?: number | undefined;
    /** Requests that wait for a source. */
    maxWaiting?: number | undefined;
    /** Who goes first when not all can be answered: `high=POST /orders`, `low=/reports/*`, `high=claim:plan=pro`. */
    priorities?: readonly string[] | undefined;
    /** Peers whose `Priority` may ask for more than others get. */
    trustedCallers?: readonly string[] | undefined;
    /** Of a hundred turns, those that each priority gets at least. */
    share?: { high?: number | undefined; normal?: number | undefined; low?: number | undefined };
    /** Sources get fewer requests while the event loop runs later than this. */
    maxLoopDelay?: Duration | undefined;
    /** The same while more of the memory is in use. */
    maxMemoryPercent?: number | undefined;
  };
  cors?: {
    /** Origins whose pages may call the API; `*` for any. */
    allowedOrigins?: readonly string[] | undefined;
  };
  log?: {
    level?: LogLevel | undefined;
    /** Requests that are logged: none, answered 5xx (`failed`), 4xx and 5xx (`errors`), or all. */
    requests?: RequestLog | undefined;
    /** Lines for people instead of JSON. */
    pretty?: boolean | undefined;
  };
  observe?: {
    /** Requests that take longer are always logged and their traces kept. */
    slow?: Duration | null | undefined;
  };
}

/** Options of `upstream(url, options)`. Ranges and defaults are in docs/options.md; `undefined` means not given. */
export interface UpstreamOptions {
  /** Further addresses of the same API. */
  addresses?: readonly string[] | undefined;
  protocol?: UpstreamProtocol | undefined;
  /** What becomes of credentials: the upstream's affair, verified if sent, or demanded. */
  auth?: UpstreamAuth | undefined;
  tls?: {
    /** Path of the certificates (PEM) that vouch for the upstream's. */
    ca?: string | null | undefined;
  };
  /** Requests under way at once at one address. */
  maxInFlight?: number | undefined;
  /** Requests that may wait for their turn. */
  maxWaiting?: number | undefined;
  keepAliveTimeout?: Duration | undefined;
  /** The `Host` that the upstream sees. */
  host?: UpstreamHost | undefined;
  /** Leave the mount point out of the forwarded path. */
  stripBasePath?: boolean | undefined;
  /** Header fields that tell the upstream about the client. */
  forwarded?: ForwardedFields | undefined;
  /** Peers whose forwarding fields are believed: IP addresses and networks. */
  trustedProxies?: readonly string[] | undefined;
  /** Our name in `Via`; `null`: no `Via`. */
  via?: string | null | undefined;
  webSockets?: boolean | undefined;
  webSocketIdleTimeout?: Duration | undefined;
  timeout?: {
    connect?: Duration | undefined;
    /** From the request to the end of the reply's head. */
    head?: Duration | undefined;
    /** Within a reply. */
    idle?: Duration | undefined;
    /** `null`: none. */
    total?: Duration | null | undefined;
    /** For a request's turn. */
    wait?: Duration | undefined;
  };
  limits?: {
    headerBytes?: ByteSize | undefined;
    /** `null`: any. */
    bodyBytes?: ByteSize | null | undefined;
    /** Bodies up to this length are collected rather than streamed. */
    bufferBytes?: ByteSize | undefined;
  };
  retry?: {
    /** Beyond the first attempt. */
    attempts?: number | undefined;
    budgetPercent?: number | undefined;
    backoff?: Duration | undefined;
    statuses?: readonly RetriedStatus[] | undefined;
  };
  health?: {
    /** Failures in a row that take an address out. */
    failures?: number | undefined;
    ejection?: Duration | undefined;
    maxEjection?: Duration | undefined;
  };
  headers?: {
    /** As `Name: value`. */
    setRequest?: readonly string[] | undefined;
    removeRequest?: readonly string[] | undefined;
    /** As `Name: value`. */
    setReply?: readonly string[] | undefined;
    removeReply?: readonly string[] | undefined;
  };
  fields?: {
    /** Query parameter that picks fields out of JSON replies; `null`: off. */
    parameter?: string | null | undefined;
    maxBytes?: ByteSize | undefined;
    /** Leave the parameter in the forwarded URL. */
    forward?: boolean | undefined;
  };
}
