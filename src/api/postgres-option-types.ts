import type { ByteSize, Duration } from "./option-types.ts";
import type {
  ChangesFollow,
  ErrorVerbosity,
  OpenApiMode,
  OpenApiVersion,
  RequestLog,
  TransactionEnd,
} from "./settings.ts";

/** Options of `postgres(url, options)`. Ranges and defaults are in docs/options.md; `undefined` means not given. */
export interface PostgresOptions {
  /** Schemas that are served; the first is the default. */
  schemas?: readonly string[] | undefined;
  /** Schemas that functions and operators are also looked up in. */
  extraSearchPath?: readonly string[] | undefined;
  /** Role of requests without a token; `null`: the connecting user. */
  anonRole?: string | null | undefined;
  /** Most rows that one read answers. */
  maxRows?: number | null | undefined;
  /** Largest content of a bulk insert; `null`: as of any other request. */
  maxBulkBytes?: ByteSize | null | undefined;
  changes?: {
    /** By the database's log, not at all, or whatever works. */
    follow?: ChangesFollow | undefined;
    /** The database itself, where the source's URL leads to a pooler. */
    url?: string | null | undefined;
    /** Name of a permanent replication slot. */
    slot?: string | null | undefined;
    /** Name of a publication that somebody else maintains. */
    publication?: string | null | undefined;
    /** Log that a permanent slot may make the database keep. */
    maxRetained?: ByteSize | undefined;
    /** Cached replies are used while they are known to be no older. */
    maxStaleness?: Duration | undefined;
  };
  queryCache?: {
    /** Cache replies until a row they were made from changes. */
    enabled?: boolean | undefined;
    /** The longest that a reply is used although nothing has changed. */
    maxAge?: Duration | undefined;
    /** How long replies are cached while changes cannot be followed; `null`: not at all. */
    ttl?: Duration | null | undefined;
    /** Exceptions: `orders=off`, `rates=30s`, `top_users=users+orders`. */
    tables?: readonly string[] | undefined;
  };
  pool?: PoolOptions;
  /** Connection URLs of streaming replicas. */
  replicas?: readonly string[] | undefined;
  consistency?: {
    /** How old a read of a replica may be. */
    maxLag?: Duration | undefined;
    /** How long a read with a `Consistency-Token` waits for a replica. */
    maxWait?: Duration | undefined;
    /** How long a client sees its writes without sending tokens; `null`: not at all. */
    sticky?: Duration | null | undefined;
    /** How often each server is asked how far it is. */
    checkInterval?: Duration | undefined;
  };
  /** Heed `If-Match`, `If-None-Match` and `If-Unmodified-Since` on writes of one row. */
  conditionalWrites?: boolean | undefined;
  idempotency?: {
    /** Heed `Idempotency-Key` on POST and PATCH. */
    enabled?: boolean | undefined;
    /** Table of keys and replies, created when it is first needed. */
    table?: string | undefined;
    /** How long a key is remembered. */
    expireAfter?: Duration | undefined;
  };
  /** Column that holds the time of a row's last change. */
  updatedAtColumn?: string | null | undefined;
  /** Channel whose notifications reload the database's structure. */
  reloadChannel?: string | null | undefined;
  /** Answer `/users/123` with the row of that key. */
  rowPaths?: boolean | undefined;
  /** Give lists keyset cursors. */
  cursors?: boolean | undefined;
  /** Allow aggregate functions in `select`. */
  aggregates?: boolean | undefined;
  /** Answer requests for the execution plan. */
  planEnabled?: boolean | undefined;
  /** Function called in the transaction before the request's statement. */
  preRequest?: string | null | undefined;
  /** Settings `name=value` that functions read as `app.settings.name`. */
  appSettings?: readonly string[] | undefined;
  /** Settings of a function that hold for the whole transaction it is called in. */
  hoistedSettings?: readonly string[] | undefined;
  /** Function that answers `/`. */
  rootFunction?: string | null | undefined;
  /** How transactions end. */
  txEnd?: TransactionEnd | undefined;
  /** `minimal`: errors tell clients their code and message alone. */
  errorVerbosity?: ErrorVerbosity | undefined;
  /** Requests whose statements are logged. */
  logQueries?: RequestLog | undefined;
  /** Write the trace into the statements of sampled requests, as a comment; these are then not prepared. */
  traceComments?: boolean | undefined;
  openapi?: OpenApiOptions;
}

/** The document at `/` that describes the API. */
export interface OpenApiOptions {
  /** What it shows: what the role that asks may use, everything, or nothing at all. */
  mode?: OpenApiMode | undefined;
  /** Name the security scheme of tokens. */
  securityActive?: boolean | undefined;
  /** Public base URL. */
  proxyUri?: string | null | undefined;
}

/** How a source uses its connections. */
export interface PoolOptions {
  /** Most connections. */
  max?: number | undefined;
  /** Idle connections kept open; at most `max` are. */
  minIdle?: number | undefined;
  /** Requests that may wait for a connection. */
  maxWaiting?: number | undefined;
  /** How long a request waits for a connection. */
  acquireTimeout?: Duration | undefined;
  idleTimeout?: Duration | undefined;
  maxLifetime?: Duration | undefined;
  maxLifetimeJitter?: Duration | undefined;
  connectTimeout?: Duration | undefined;
  /** `null`: as the database's own `statement_timeout` says. */
  statementTimeout?: Duration | null | undefined;
  /** `null`: never warn. */
  leakWarning?: Duration | null | undefined;
  /** Requests that may be under way on one connection; 1 turns pipelining off. */
  maxPipelineDepth?: number | undefined;
  /** Concurrent reads that one statement answers; 1 turns batching off. */
  maxBatch?: number | undefined;
  preparedStatements?: boolean | undefined;
}

/** What `hotpath postgrest` sets beside the public options. */
export interface PostgrestOptions extends PostgresOptions {
  allowAnonymous?: boolean | undefined;
  legacyTargetNames?: boolean | undefined;
  openapi?: OpenApiOptions & { standard?: OpenApiVersion | undefined };
}
