/** What the server, its listeners and the pipeline run by: resolved, checked and frozen. Paths mirror the option table. */
export interface ServerSettings {
  readonly server: {
    /** Address or name the API listens on. */
    readonly host: string;
    /** 0 lets the system choose. */
    readonly port: number;
    /** Path of a Unix socket; takes the place of host and port. */
    readonly socket: string | null;
    /** Of the socket's file, in octal; `null`: as the umask leaves it. */
    readonly socketMode: string | null;
    /** Other processes may listen on the same port. */
    readonly reusePort: boolean;
    readonly tls: {
      /** Path of a PEM file. `cert` and `key` are given together. */
      readonly cert: string | null;
      readonly key: string | null;
      /** Serve with a certificate made at start. */
      readonly dev: boolean;
    };
    readonly shutdownGraceMs: number;
    readonly maxConnections: number;
    /** `null`: no more limit than all together have. */
    readonly maxConnectionsPerAddress: number | null;
    /** A number as text, or `auto`; `null`: this process answers by itself. */
    readonly workers: string | null;
    readonly minWorkers: number;
    /** `null`: one for each core. */
    readonly maxWorkers: number | null;
  };
  readonly admin: {
    readonly enabled: boolean;
    readonly host: string;
    readonly port: number;
    /** Path of a Unix socket; takes the place of host and port. */
    readonly socket: string | null;
    readonly socketMode: string | null;
    /** `null`: none is asked for. Never printed. */
    readonly token: string | null;
    /** The network may be let in without a token. */
    readonly isOpen: boolean;
    /** Host names (without port) the admin listener answers to; `*` stands for any. */
    readonly allowedHosts: readonly string[];
  };
  readonly http: {
    readonly maxHeaderBytes: number;
    readonly maxUrlBytes: number;
    readonly maxBodyBytes: number;
    readonly headersTimeoutMs: number;
    readonly requestTimeoutMs: number;
    readonly keepAliveTimeoutMs: number;
    readonly maxConcurrentStreams: number;
    /** `Cache-Control` of successful replies whose source sets none. */
    readonly defaultCacheControl: string | null;
    /** Whether replies of our own sources forbid guesses at their type. */
    readonly securityHeaders: boolean;
    /** Whether replies carry `Server-Timing`. */
    readonly serverTiming: boolean;
    /** Request header that is copied to the reply. */
    readonly traceHeader: string | null;
    /** How long a request may take in all. */
    readonly deadlineMs: number | null;
    /** Whether `Request-Timeout` may shorten it. */
    readonly heedRequestTimeout: boolean;
  };
  readonly batch: {
    /** `null`: there are no batches. */
    readonly path: string | null;
    readonly maxRequests: number;
    readonly concurrency: number;
    readonly maxReplyBytes: number;
  };
  readonly compression: {
    readonly enabled: boolean;
    /** In order of preference. */
    readonly encodings: readonly ContentEncoding[];
    readonly fromBytes: number;
  };
  readonly cache: {
    readonly enabled: boolean;
    /** Bound of the in-process store, in bytes. */
    readonly memory: number;
    /** Replies with more content are not stored. */
    readonly maxEntryBytes: number;
    /** For replies repeated to requests with the same head. */
    readonly memoBytes: number;
    /** Of the time since `Last-Modified`, the percentage for which a reply without explicit freshness is fresh; 0: never. */
    readonly heuristicPercent: number;
    readonly heuristicMaxMs: number;
    /** How long stale replies are used while the source fails, where neither reply nor request says. */
    readonly staleIfErrorMs: number;
    /** Whether clients' `Cache-Control` is heeded. */
    readonly heedRequests: boolean;
    /** Addresses and networks (CIDR) that may send `PURGE`. */
    readonly purgeFrom: readonly string[];
    /** Whether replies carry `Cache-Status`. */
    readonly status: boolean;
    /** URL of Redis. May hold a password: never printed. */
    readonly redis: string | null;
    /** `host:port` of each server; empty: none. */
    readonly memcached: readonly string[];
    /** Beginning of every name in Redis or Memcached. */
    readonly prefix: string;
    /** How long a request waits for the shared tier. */
    readonly softTimeoutMs: number;
    /** When a call to the shared tier counts as failed. */
    readonly hardTimeoutMs: number;
    /** Larger replies stay in this process. */
    readonly maxSharedBytes: number;
  };
  readonly auth: {
    readonly jwt: {
      /** Text, JWK, JWK set or PEM. Never printed. */
      readonly secret: string | null;
      readonly secretIsBase64: boolean;
      /** Path of a file with the same. */
      readonly keysFile: string | null;
      readonly keysUrl: string | null;
      readonly keysMaxAgeMs: number;
      /** Empty: any. */
      readonly audience: readonly string[];
      readonly issuer: string | null;
      /** JSON path, or PostgREST's JSPath. */
      readonly roleClaim: string;
      readonly clockSkewMs: number;
      /** Verified tokens that are remembered. */
      readonly maxCached: number;
    };
    readonly apiKeys: {
      /** As `name:role:hash`. */
      readonly keys: readonly string[];
      /** Path of a JSON file with more. */
      readonly file: string | null;
      /** Name of the field that brings a key. */
      readonly header: string;
    };
  };
  readonly limit: {
    /** As written: `burst=100/1m/ip`. */
    readonly policies: readonly string[];
    /** URL of the Redis to count in; `null`: the cache's. May hold a password: never printed. */
    readonly redis: string | null;
    readonly shared: boolean;
    /** How long a decision is waited for. */
    readonly timeoutMs: number;
    readonly whenUnreachable: "share" | "refuse";
    readonly sharePercent: number;
    readonly ipv6Prefix: number;
    /** IP addresses and networks (CIDR). */
    readonly trustedProxies: readonly string[];
    /** Whether replies carry `RateLimit-Policy` and `RateLimit`. */
    readonly fields: boolean;
  };
  readonly overload: {
    readonly enabled: boolean;
    /** How long a request may wait for its turn, and how much longer than without load its source may take for it. */
    readonly delayMs: number;
    readonly minLimit: number;
    readonly maxLimit: number;
    readonly maxWaiting: number;
    /** As written: `high=POST /orders`. */
    readonly priorities: readonly string[];
    /** IP addresses and networks (CIDR). */
    readonly trustedCallers: readonly string[];
    /** Of a hundred turns; together at most that. */
    readonly share: { readonly high: number; readonly normal: number; readonly low: number };
    readonly maxLoopDelayMs: number;
    readonly maxMemoryPercent: number;
  };
  readonly cors: {
    /** Origins that browsers may call from; `*` stands for any, an empty list for none. */
    readonly allowedOrigins: readonly string[];
  };
  readonly log: {
    readonly level: LogLevel;
    readonly requests: RequestLog;
    readonly pretty: boolean;
  };
  readonly observe: {
    /** Requests that take longer are always told of; `null`: none is. */
    readonly slowMs: number | null;
  };
}

/** What one `postgres()` source runs by: resolved, checked and frozen. */
export interface PostgresSettings {
  /** Connection URL. Holds a password: never printed. */
  readonly url: string;
  /** Exposed schemas; the first is the default. */
  readonly schemas: readonly string[];
  /** Appended to `search_path`, not exposed. */
  readonly extraSearchPath: readonly string[];
  /** Role of requests without a token; `null`: the connecting user, without a role switch. */
  readonly anonRole: string | null;
  /** `false`: requests without a token are refused with 401. */
  readonly allowAnonymous: boolean;
  readonly maxRows: number | null;
  readonly pool: PoolSettings;
  readonly changes: ChangesSettings;
  readonly queryCache: QueryCacheSettings;
  /** Connection URLs of streaming replicas. Hold passwords: never printed. */
  readonly replicas: readonly string[];
  readonly consistency: {
    readonly maxLagMs: number;
    readonly maxWaitMs: number;
    readonly stickyMs: number | null;
    readonly checkIntervalMs: number;
  };
  /** Bytes of content that one bulk insert may have; `null`: no more than any other request. */
  readonly maxBulkBytes: number | null;
  /** Whether `If-Match` and the like are heeded on writes of one row. */
  readonly conditionalWrites: boolean;
  readonly idempotency: {
    /** Whether `Idempotency-Key` is heeded. */
    readonly enabled: boolean;
    /** `schema.name`, or a name in the schema `public`. */
    readonly table: string;
    readonly expireAfterMs: number;
  };
  /** Column whose value becomes `Last-Modified` of a single row; `null`: none. */
  readonly updatedAtColumn: string | null;
  /** Channel whose notifications (no payload, or `reload schema`) reload the catalog; `null`: not listened to. */
  readonly reloadChannel: string | null;
  /** Whether `/users/123` answers the row with that key. */
  readonly rowPaths: boolean;
  /** Whether lists with a limit carry keyset cursors in `Link`. */
  readonly cursors: boolean;
  readonly aggregates: boolean;
  /** Whether an embedded relation that has an alias may also be addressed by its own name. */
  readonly legacyTargetNames: boolean;
  readonly planEnabled: boolean;
  /** Function called in the transaction before the request, as `schema.name` or `name`. */
  readonly preRequest: string | null;
  /** `name=value`, seen by functions as `app.settings.name`. May hold secrets: never printed. */
  readonly appSettings: readonly string[];
  /** Whether clients see `details` and `hint` of errors. */
  readonly errorVerbosity: ErrorVerbosity;
  /** Whose statements are logged. */
  readonly logQueries: RequestLog;
  /** Sampled requests' statements end with their `traceparent` as a comment. */
  readonly traceComments: boolean;
  /** Names of settings that a function's `set` clauses make for the whole transaction. */
  readonly hoistedSettings: readonly string[];
  /** Function that answers `/`, as `schema.name`, or `name` in the schema that was asked for. */
  readonly rootFunction: string | null;
  readonly txEnd: TransactionEnd;
  readonly openapi: {
    readonly mode: OpenApiMode;
    readonly securityActive: boolean;
    /** Public base URL; null: wherever the document was fetched. */
    readonly proxyUri: string | null;
    /** The version that JSON without a version means. */
    readonly standard: OpenApiVersion;
  };
}

/** How changes of a database are followed. */
export interface ChangesSettings {
  readonly follow: ChangesFollow;
  /** May hold a password: never printed. `null`: the source's own URL. */
  readonly url: string | null;
  /** A permanent slot; `null`: a temporary one. */
  readonly slot: string | null;
  /** Somebody else's; `null`: our own. */
  readonly publication: string | null;
  /** Bytes of log that a permanent slot may hold back. */
  readonly maxRetained: number;
  readonly maxStalenessMs: number;
}

/** Which replies of a database are cached, and for how long. */
export interface QueryCacheSettings {
  readonly enabled: boolean;
  readonly maxAgeMs: number;
  /** While changes cannot be followed; `null`: not at all. */
  readonly ttlMs: number | null;
  /** `name=off`, `name=30s`, `name=table+table`. */
  readonly tables: readonly string[];
}

/** How a source uses its connections. */
export interface PoolSettings {
  readonly max: number;
  readonly minIdle: number;
  /** Requests that may wait for a connection at once; more are refused at once. */
  readonly maxWaiting: number;
  readonly acquireTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly maxLifetimeMs: number;
  /** Up to this much, at random, is taken off each connection's lifetime. */
  readonly maxLifetimeJitterMs: number;
  readonly connectTimeoutMs: number;
  /** `null` leaves the database's own `statement_timeout` in force. */
  readonly statementTimeoutMs: number | null;
  /** A connection held longer than this is reported; `null`: never. */
  readonly leakWarningMs: number | null;
  /** Statement sequences sent ahead on one connection before the replies are in. */
  readonly maxPipelineDepth: number;
  /** Reads of one shape that one statement answers; 1: each has its own. */
  readonly maxBatch: number;
  readonly preparedStatements: boolean;
}

/** What one `upstream()` source runs by: resolved, checked and frozen. */
export interface UpstreamSettings {
  /** Where the API is: origin, and the path that requests go below. Credentials are refused. */
  readonly url: string;
  /** Origins of further addresses, of the same scheme. */
  readonly addresses: readonly string[];
  readonly protocol: UpstreamProtocol;
  readonly auth: UpstreamAuth;
  readonly tls: {
    /** Path of a PEM file. */
    readonly ca: string | null;
  };
  /** Per address. */
  readonly maxInFlight: number;
  readonly maxWaiting: number;
  readonly keepAliveTimeoutMs: number;
  readonly host: UpstreamHost;
  readonly stripBasePath: boolean;
  readonly forwarded: ForwardedFields;
  /** IP addresses and networks (CIDR). */
  readonly trustedProxies: readonly string[];
  readonly via: string | null;
  readonly webSockets: boolean;
  readonly webSocketIdleTimeoutMs: number;
  readonly timeout: {
    readonly connectMs: number;
    readonly headMs: number;
    readonly idleMs: number;
    readonly totalMs: number | null;
    readonly waitMs: number;
  };
  readonly limits: {
    readonly headerBytes: number;
    readonly bodyBytes: number | null;
    readonly bufferBytes: number;
  };
  readonly retry: {
    /** Beyond the first attempt. */
    readonly attempts: number;
    readonly budgetPercent: number;
    readonly backoffMs: number;
    readonly statuses: readonly RetriedStatus[];
  };
  readonly health: {
    readonly failures: number;
    readonly ejectionMs: number;
    readonly maxEjectionMs: number;
  };
  readonly headers: {
    /** As `Name: value`. */
    readonly setRequest: readonly string[];
    readonly removeRequest: readonly string[];
    readonly setReply: readonly string[];
    readonly removeReply: readonly string[];
  };
  readonly fields: {
    /** `null`: fields are not selected. */
    readonly parameter: string | null;
    readonly maxBytes: number;
    readonly forward: boolean;
  };
}

export type UpstreamProtocol = "http1" | "http2";
/** What becomes of credentials before an upstream sees them. */
export type UpstreamAuth = "ignore" | "verify" | "require";
/** Whose `Host` an upstream sees. */
export type UpstreamHost = "auto" | "preserve" | "upstream";
export type ForwardedFields = "x-forwarded" | "forwarded" | "both" | "none";
export type RetriedStatus = "500" | "502" | "503" | "504";
export type ContentEncoding = "br" | "zstd" | "gzip";
export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";
/** Which requests are logged: `failed` are those answered 5xx, `errors` those answered 4xx or 5xx. */
export type RequestLog = "none" | "failed" | "errors" | "all";
export type TransactionEnd = "commit" | "commit-allow-override" | "rollback" | "rollback-allow-override";
export type ErrorVerbosity = "verbose" | "minimal";
export type ChangesFollow = "auto" | "log" | "triggers" | "none";
export type OpenApiVersion = "2.0" | "3.1";
export type OpenApiMode = "follow-privileges" | "ignore-privileges" | "disabled";
