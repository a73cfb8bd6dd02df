/** What the server, its listeners and the pipeline run by: resolved, checked and frozen. Paths mirror the option table. */
export interface ServerSettings {
  readonly server: {
    /** Address or name the API listens on. */
    readonly host: string;
    /** 0 lets the system choose. */
    readonly port: number;
    /** Path of a Unix socket; takes the place of host and port. */
    readonly socket: string | null;
    readonly tls: {
      /** Path of a PEM file. `cert` and `key` are given together. */
      readonly cert: string | null;
      readonly key: string | null;
      /** Serve with a certificate made at start. */
      readonly dev: boolean;
    };
    readonly shutdownGraceMs: number;
    readonly maxConnections: number;
  };
  readonly admin: {
    readonly enabled: boolean;
    readonly host: string;
    readonly port: number;
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
    /** Whether replies carry `Server-Timing`. */
    readonly serverTiming: boolean;
    /** Request header that is copied to the reply. */
    readonly traceHeader: string | null;
  };
  readonly compression: {
    readonly enabled: boolean;
    /** In order of preference. */
    readonly encodings: readonly ContentEncoding[];
    readonly fromBytes: number;
  };
  readonly cors: {
    /** Origins that browsers may call from; `*` stands for any, an empty list for none. */
    readonly allowedOrigins: readonly string[];
  };
  readonly log: {
    readonly level: LogLevel;
    readonly requests: RequestLog;
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
  /** Column whose value becomes `Last-Modified` of a single row; `null`: none. */
  readonly updatedAtColumn: string | null;
  /** Channel whose notifications (no payload, or `reload schema`) reload the catalog; `null`: not listened to. */
  readonly reloadChannel: string | null;
  /** Whether `/users/123` answers the row with that key. */
  readonly rowPaths: boolean;
  /** Whether lists with a limit carry keyset cursors in `Link`. */
  readonly cursors: boolean;
  readonly aggregates: boolean;
  readonly planEnabled: boolean;
  /** Function called in the transaction before the request, as `schema.name` or `name`. */
  readonly preRequest: string | null;
  readonly txEnd: TransactionEnd;
  /** Function that answers `/` in place of the OpenAPI document. */
  readonly rootFunction: string | null;
  readonly openapi: {
    readonly mode: OpenApiMode;
    readonly securityActive: boolean;
    readonly proxyUri: string | null;
  };
  readonly jwt: {
    /** Text, JWK or JWK set. Never printed. */
    readonly secret: string | null;
    readonly secretIsBase64: boolean;
    readonly audience: string | null;
    readonly roleClaim: string;
  };
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
  readonly preparedStatements: boolean;
}

export type ContentEncoding = "br" | "zstd" | "gzip";
export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";
/** Which requests are logged: `failed` are those answered 5xx, `errors` those answered 4xx or 5xx. */
export type RequestLog = "none" | "failed" | "errors" | "all";
export type TransactionEnd = "commit" | "commit-allow-override" | "rollback" | "rollback-allow-override";
export type OpenApiMode = "follow-privileges" | "ignore-privileges" | "disabled";
