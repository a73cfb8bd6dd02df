import type { SourceRequest } from "../../api/source-request.ts";
import type { CommandResult, Listener, Pool } from "../pool/index.ts";
import type { Need } from "./need.ts";
import type { Position } from "./position.ts";

/** What a read sees at least: all that was committed before it, or what its replica had replayed; undefined: nobody knows. */
export type ReadOrigin = "primary" | Position | undefined;

/** Sends each read and write of a source to one of the database's servers. */
export interface Router {
  /** Whether commits are to be followed by `COMMITTED`, unless it is found out otherwise where they end, and that handed to `committed`. */
  readonly tracksPositions: boolean;
  /** Whether reads may see less than all that was committed before them. */
  readonly hasReplicas: boolean;
  /** Connects. Resolves also when no server answers; rejects with `HP_DATABASE_REFUSED` when trying again cannot help. */
  start(): Promise<void>;
  /** Whether a request wants to be told what its reads have seen. */
  isFollowed(request: SourceRequest): boolean;
  /** What a request demands of its reads. Throws `HP_TOKEN_INVALID`. */
  needOf(request: SourceRequest): Need;
  /**
   * Runs a read where what it needs is to be had, once more elsewhere if a replica fails it. Rejects with what the attempt rejects with,
   * and with `HP_NO_PRIMARY`.
   *
   * @param need asked where it matters; what it throws rejects the read
   * @param seen told the token of a state that has all that the read saw
   * @param from told, before an attempt, what it will see at least
   */
  read<T>(
    need: () => Need,
    attempt: (pool: Pool) => Promise<T>,
    seen?: (token: string) => void,
    from?: (origin: ReadOrigin) => void,
  ): Promise<T>;
  /**
   * Runs a write on the primary, once more on the new one if the old one has certainly not carried it out. Rejects with what the attempt
   * rejects with, and with `HP_NO_PRIMARY`.
   */
  write<T>(attempt: (pool: Pool) => Promise<T>): Promise<T>;
  /**
   * Takes the result of `COMMITTED` after a request's commit, or where that ends in the log, and answers its `Consistency-Token`; without either
   * one that sends reads to the primary.
   *
   * @param startedAt by `performance.now()`, before the commit
   */
  committed(request: SourceRequest, end: CommandResult | Position | undefined, startedAt: number): string | undefined;
  /**
   * Reads the catalog: on the primary, or on a replica while it is away. Replicas that are behind of it serve nothing.
   *
   * @param isKnown the catalog is the one that was read before, so whoever had that has this
   */
  catalog<T>(read: (pool: Pool) => Promise<T>, isKnown: (catalog: T) => boolean): Promise<T>;
  /** URL of the primary as far as is known, for connections of a kind that pools do not have. May hold a password: never printed. */
  readonly primaryUrl: string;
  /** Tells when the primary is found elsewhere. */
  onMove(listener: () => void): void;
  /** Listens on the primary, whichever that is. */
  listen(channel: string, onNotify: (payload: string) => void, onListening: () => void): Listener;
  /** Whether any server that may be read from answers. */
  isReachable(): boolean;
  /** Whether requests wait for a connection of any server. */
  isSaturated(): boolean;
  close(): Promise<void>;
}
