import type { IncomingHttpHeaders } from "node:http";
import type { Duplex } from "node:stream";
import type { CredentialsRefused } from "../auth/refusal.ts";
import type { NodeLink } from "../cache/node-link.ts";
import type { HttpReply } from "../http/message.ts";
import type { Database } from "./database.ts";
import type { Procedures } from "./procedures.ts";
import type { SourceRequest } from "./source-request.ts";

/**
 * What answers a request: a database, an upstream, handlers, or your own.
 *
 * The pipeline asks exactly one source for each request (the one mounted at the longest matching prefix) and does
 * the rest itself: validators, conditional requests, compression, limits, metrics.
 */
export interface Source {
  /** Names the source in logs, metrics and errors, e.g. `postgres`. */
  readonly name: string;
  /**
   * `false`: nothing it answers is stored, and nothing stored is used, so the cache is not asked. Looked at for each request: it may change
   * at any time. Default `true`.
   */
  readonly isCacheable?: boolean;
  /**
   * Whether a stored reply may answer this GET or HEAD, and its own be stored. Asked for each that the cache may answer: a client may know
   * of something newer than what is stored. Absent: always. A reply that was given so may be repeated to the same bytes for up to a second.
   */
  mayReuse?(request: SourceRequest): boolean;
  /**
   * Whether it matters who asks. `verify`: credentials that are sent must be valid, and replies are kept apart by identity;
   * `require`: they must be sent, too. Absent: credentials are no business of the server's, and requests have no identity.
   */
  readonly admission?: Admission;
  /** `true`: who asks does not matter, and is not told: requests come without `Authorization` and cookies. Default `false`. */
  readonly isForAnyone?: boolean;
  /** Words the refusal of a request's credentials. Absent: problem details. */
  refuse?(request: SourceRequest, refusal: CredentialsRefused): SourceReply;
  /** Its replies are somebody else's: they are passed on without fields of ours that browsers heed. */
  readonly isGateway?: boolean;
  /** It reads content itself, and wants it without its `Content-Encoding`, within the same bounds. Absent: content comes as it was sent. */
  readonly decodesContent?: boolean;
  /**
   * Brings up what the source needs. Called once, before the first request and before the listener opens.
   * Rejects with a `HotpathError` when the source can never work (wrong password); a source that may recover
   * (no server yet) resolves, answers 503 meanwhile and says so in `isReady`.
   */
  start?(context: SourceContext): Promise<void>;
  /**
   * How many bytes of content a request may have, when that is more than `http.maxBodyBytes`; asked before anything of the content is
   * read. Whoever says so must not collect it. Absent, or less: `http.maxBodyBytes`.
   */
  maxBodyBytes?(head: RequestHead): number;
  /**
   * Answers one request. The reply's body, when a stream, becomes the pipeline's. A `HotpathError` that is thrown
   * becomes a problem-details reply with its status; anything else a 500 without detail.
   */
  resolve(request: SourceRequest): Promise<SourceReply> | SourceReply;
  /**
   * Takes over a connection whose client asks for a WebSocket. Resolves with nothing once it has (from then on the connection
   * is the source's), or with a reply that refuses, which is sent before the connection is closed. Absent: such requests are
   * answered by `resolve` as if they asked for nothing special.
   */
  upgrade?(request: SourceRequest, connection: UpgradeConnection): Promise<SourceReply | undefined>;
  /**
   * What gRPC and Connect can call of it, where it is mounted at `basePath`. Asked for each such call. Nothing: there is nothing yet.
   */
  procedures?(basePath: string): Promise<Procedures | undefined> | Procedures | undefined;
  /** Reads what may have changed (a catalog, a file) again. Called on SIGUSR1. */
  reload?(): Promise<void>;
  /** The database behind it, for routes. */
  readonly database?: Database;
  /** `false` takes the server out of rotation (`/ready` answers 503). Absent: always ready. */
  isReady?(): boolean;
  /**
   * Whether requests wait inside the source because all it has to answer with (connections, workers) is busy: it is not given more at once
   * then. Asked some ten times a second under load. Absent: what it takes for replies alone tells.
   */
  isSaturated?(): boolean;
  /** More than `isReady` for `/ready`, without deciding it: a few words by topic. Shown to whoever asks: no secrets. */
  describe?(): Readonly<Record<string, string>>;
  /**
   * What it lacks for what it was asked; shown by the admin listener to whoever asks for it. May take long, changes nothing. Absent: nothing
   * that could be told.
   */
  advise?(asked: readonly AskedStatement[]): Promise<object>;
  /**
   * How its database would carry out a statement, which is not run for that; undefined for all but those that it has lately sent itself.
   * Asked for the dashboard and its advice: it may cost a little time, and must not hold up requests.
   */
  explain?(statement: string): Promise<StatementPlan | undefined>;
  /** Lets requests under way finish, then releases everything. */
  close?(): Promise<void>;
}

/** A statement that databases were asked, without its values. */
export interface AskedStatement {
  readonly text: string;
  readonly calls: number;
  /** All calls together, without waiting for connections. */
  readonly ms: number;
}

/** How a database means to carry out a statement, whatever its values. */
export interface StatementPlan {
  /** In the database's words. */
  readonly text: string;
  readonly scans: readonly WastefulScan[];
}

/** A large table that is read from end to end for a few of its rows. */
export interface WastefulScan {
  /** As SQL writes it. */
  readonly relation: string;
  readonly rows: number;
  /** Of these, as many as the planner expects to be of use. */
  readonly kept: number;
  /** The condition, in the database's words. */
  readonly filter: string;
  /** Those of its columns that the condition names, as SQL writes them. */
  readonly columns: readonly string[];
}

export type Admission = "verify" | "require";

/** A request before its content. */
export interface RequestHead {
  readonly method: string;
  /** As in `SourceRequest`. */
  readonly subpath: string;
  readonly headers: Readonly<IncomingHttpHeaders>;
}

/** The connection of a request that asks for another protocol. */
export interface UpgradeConnection {
  readonly socket: Duplex;
  /** What the client sent after the request. */
  readonly head: Buffer;
}

/** A source's answer. */
export interface SourceReply extends HttpReply {
  /**
   * Pattern of the route that answered, for metrics and traces: a bounded set such as `/users` or `/users/:id`.
   * Never a path as received. Absent: the mount point.
   */
  route?: string;
  /** What our own cache may do with the reply, apart from what its fields tell clients. Absent: what the fields say. */
  cache?: CacheHints;
  /** Why the reply must not be stored although others of the source are: a token for `Cache-Status`. */
  uncachedFor?: string;
  /** Until when the reply is kept back: the source has done its work, and waits for others to know of it. Absent: it is told at once. */
  due?: Promise<void>;
}

/** What a source allows the cache in front of it. Clients see nothing of it. */
export interface CacheHints {
  /** How long the reply may be given again without asking the source; 0: only when the source has confirmed it. */
  readonly freshForMs: number;
  /** How long after that it may be given while it is being refreshed. */
  readonly staleWhileRevalidateMs?: number;
  /** How long after that it may be given while the source fails. */
  readonly staleIfErrorMs?: number;
  /** Names by which it can be purged: at most 128, each of at most 256 characters. */
  readonly tags?: readonly string[];
  /**
   * Whom the reply is for, as admitted. It is stored only when that is whom the request was looked up for.
   * Absent: what `Cache-Control`, `Authorization` and `Vary` say decides.
   */
  readonly identity?: string;
}

/** What the server lends a source. */
export interface SourceContext {
  readonly log: Log;
  readonly metrics: MetricsRegistry;
  /** Whether the server can verify credentials: keys are configured. */
  readonly isAuthenticating: boolean;
  /** `http.maxBodyBytes`: what a request's content may have unless the source says otherwise. */
  readonly maxBodyBytes: number;
  /** The cache in front of the source; absent: nothing is stored. */
  readonly cache?: SourceCache;
}

/** What a source that knows of changes does to the cache in front of it. */
export interface SourceCache {
  /**
   * Removes replies by their tags; also those being fetched at this moment will not be stored. In force on this node when the call returns;
   * resolves when it is on all that share the cache, or will be tried until it is. Never rejects.
   */
  purge(tags: readonly string[]): Promise<void>;
  /** The other nodes that share the cache; absent: there are none, or they cannot be told anything. */
  readonly nodes?: NodeLink | undefined;
  /**
   * A value that is worked out once for many requests, on any number of nodes, and kept for a while or until one of its tags is purged. What
   * was purged while it was worked out is not kept. Must be one that JSON can say; rejects with what `compute` throws.
   *
   * @param identity for whom it is; empty: for all
   */
  remember(
    key: string,
    identity: string,
    compute: () => Promise<RememberedValue>,
  ): Promise<Omit<RememberedValue, "ttlMs">>;
}

/** A value with how it is kept. */
export interface RememberedValue {
  readonly value: unknown;
  readonly tags: readonly string[];
  readonly ttlMs: number;
}

/** The part of a pino logger that sources use. */
export interface Log {
  debug(details: object, message: string): void;
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

/** Where metrics are declared. Label names are fixed at declaration and every label set is bounded. */
export interface MetricsRegistry {
  /** A value that only rises. */
  counter(declaration: MetricDeclaration): Counter;
  /** A value read when metrics are scraped. `read` answers a number, or a list with a value per label set. */
  gauge(declaration: MetricDeclaration, read: () => number | readonly LabelledValue[]): void;
  /** A distribution in fixed buckets. */
  histogram(declaration: MetricDeclaration & { readonly buckets: readonly number[] }): Histogram;
}
export interface MetricDeclaration {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
}
export interface LabelledValue {
  readonly labels: readonly string[];
  readonly value: number;
}
export interface Counter {
  /** The series of these label values, to be kept and reused: looking it up costs more than counting. */
  with(...labels: string[]): { add(amount?: number): void };
}
export interface Histogram {
  with(...labels: string[]): { observe(value: number): void };
}
