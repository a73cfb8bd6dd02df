import type { PoolSettings as CommonPoolSettings } from "../../api/settings.ts";
import type { TraceSpan } from "../../api/source-request.ts";
import type { BatchShape } from "../batch/shape.ts";

/** SQL text and the name under which a connection prepares it. */
export interface Statement {
  /** At most 63 bytes, the same for the same text. Empty: parsed anew each time. */
  readonly name: string;
  readonly text: string;
  /** Which of its fields comes as bytes: a text with a character for each (Latin-1). Absent: all are texts as the server spells them. */
  readonly bytes?: BytesField | undefined;
}

/** A field of a statement's rows, and how many there are. */
export interface BytesField {
  readonly place: number;
  readonly of: number;
}

/** One statement and its parameters in text format; the server infers their types. */
export interface Command {
  readonly statement: Statement;
  readonly values: readonly (string | null)[];
}

/** What one command answered. */
export interface CommandResult {
  /** Fields as the server spells them. */
  readonly rows: readonly (readonly (string | null)[])[];
  /** Command tag, e.g. `SELECT 3`; empty for an empty statement. */
  readonly tag: string;
}

/** How a pool reaches its database and uses its connections. */
export interface PoolSettings extends CommonPoolSettings {
  /** `postgres://…`; a Unix socket as `postgresql:///database?host=/path`. Never printed. */
  readonly url: string;
  /** Where to listen for notifications, where `url` leads to a pooler, which does not pass them on. Default: `url`. */
  readonly directUrl?: string | undefined;
  /** Shown in `pg_stat_activity`. Default `hotpath`. */
  readonly applicationName?: string;
  /** Settings that every connection starts with, e.g. `search_path`; they cost no round trip. What the URL's own `options` say comes after. */
  readonly startup?: Readonly<Record<string, string>>;
  /** Statements a connection keeps prepared; the least recently used one goes first. Default 200. */
  readonly maxPreparedPerConnection?: number;
}

/** What a caller may say about one call. */
export interface RunOptions {
  /** Aborts when the caller has left. A statement that is running for nobody is cancelled in the server. */
  readonly signal?: AbortSignal;
  /** Makes the signal. Only asked of a call that is not over after some 25 ms, so that quick ones never pay for it. */
  readonly lateSignal?: () => AbortSignal;
  /**
   * Limit for waiting and running together; then `HP_DEADLINE`. Absent: only the pool's own limits. A call that sets itself a
   * longer `statement_timeout` than the pool's must give its limit here, or its connection is taken for dead.
   */
  readonly timeoutMs?: number;
  /**
   * The call only reads, and may be answered together with others of the same shape that wait. What the commands before the
   * last one depend on must be in `identity`: calls of different identities are never answered together.
   */
  readonly batch?: BatchShape | undefined;
  /** Default empty: nothing precedes the last command. */
  readonly identity?: string;
  /**
   * The commands may write, on connections that start reading only (`startup` says `default_transaction_read_only`). Such a connection
   * is switched over before them, and back before the next who only read.
   */
  readonly isWrite?: boolean;
  /** Told how long the call waited, and with which others it shared a statement. */
  readonly span?: TraceSpan | undefined;
  /** Runs behind the commands, on the same connection and after their commit, in a transaction of its own. */
  readonly sequel?: Sequel;
}

/** What follows a call. */
export interface Sequel {
  readonly command: Command;
  /**
   * Told what it answers, or will answer: undefined where that cannot be had. Told anew when the call has to be sent again; what it was told
   * last when the call resolves is what counts.
   */
  readonly followed: (answer: Promise<CommandResult | undefined>) => void;
}

/** Connections to one database, shared by everybody. */
export interface Pool {
  /**
   * Connects, and warms up as many connections as are kept idle. Resolves also when no server answers: it keeps trying.
   * Rejects with `HP_DATABASE_REFUSED` when trying again cannot help (password, database, role, TLS).
   */
  start(): Promise<void>;
  /**
   * Runs the commands in order as one transaction. All of them go out in one piece, on a connection whose pipeline may
   * carry strangers' calls before and behind. Commands may not control transactions: what must hold for this transaction alone is
   * set with `set_config(…, true)`.
   *
   * Rejects with the server's error untouched (`DatabaseError` of `pg`), `HP_POOL_TIMEOUT`, `HP_DATABASE_UNREACHABLE`
   * (see `ConnectionLostError`), `HP_DATABASE_REFUSED`, `HP_DEADLINE`, `HP_UNAVAILABLE` (closed), or the signal's reason.
   */
  run(commands: readonly Command[], options?: RunOptions): Promise<readonly CommandResult[]>;
  /** A connection of one's own, e.g. for explicit transactions. Must be released. */
  acquire(options?: RunOptions): Promise<Session>;
  stats(): PoolStats;
  /**
   * Listens on a channel with a connection of its own, beside `max`, for as long as the pool lives. `onListening` is called each
   * time it has begun, the first included: what was said before is lost.
   */
  listen(channel: string, onNotify: (payload: string) => void, onListening: () => void): Listener;
  /** Whether the database answered when it was last needed. */
  isReachable(): boolean;
  /** Whether calls have been waiting for a connection for longer than they do while there is one. */
  isSaturated(): boolean;
  /** Refuses new calls, lets accepted ones finish (up to ten seconds), then ends every connection. */
  close(): Promise<void>;
}

/** A connection that nobody else uses. */
export interface Session {
  /** Runs the commands in order; outside an explicit transaction they are one. */
  run(commands: readonly Command[], options?: RunOptions): Promise<readonly CommandResult[]>;
  /** Waits for what is under way, then rolls back the transaction that is open, or failed, if there is one. Never rejects. */
  rollBack(): Promise<void>;
  /** Gives the connection back; an open transaction is rolled back. A second call does nothing. */
  release(): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A subscription to a channel. */
export interface Listener {
  close(): Promise<void>;
}

/** A pool at one moment, and its counts since it was made. */
export interface PoolStats {
  readonly max: number;
  readonly total: number;
  readonly idle: number;
  readonly busy: number;
  /** Connections held by sessions; also counted as busy. */
  readonly sessions: number;
  readonly opening: number;
  /** Callers that no connection serves yet. */
  readonly waiting: number;
  /** Calls sent whose answer is not complete. */
  readonly inFlight: number;
  readonly opened: number;
  readonly closed: number;
  readonly connectFailures: number;
  readonly connectionsLost: number;
  readonly calls: number;
  readonly errors: number;
  readonly acquireTimeouts: number;
  readonly cancelled: number;
  readonly retried: number;
  readonly leakWarnings: number;
}
