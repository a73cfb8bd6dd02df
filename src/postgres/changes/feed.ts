import type { Lsn } from "./lsn.ts";

/** What a feed is doing; for metrics and `/ready`. */
export type FeedState = "connecting" | "following" | "unavailable" | "closed";

/** Tells of changes for as long as it lives. */
export interface Feed {
  readonly state: FeedState;
  /** Why changes are not followed, in words; `undefined` while they are. */
  readonly reason: string | undefined;
  /** Other tables are to be followed, or the same ones tagged differently. Resolves when all of it is in force and everything stored before is gone. */
  renew(): Promise<void>;
  /** What is known of tables was read again, and is as before. */
  confirm(): void;
  stats(): FeedStats;
  /** Which log is followed; undefined while none is, or where the database does not tell. */
  readonly followed: FollowedLog | undefined;
  /** Whether it is known where in the log rows with these tags were changed last. */
  isPlaced(tags: readonly string[]): boolean;
  /** Resolves once whatever was reported before the call is known to end before `stats().passed`, or was reported with its place. */
  place(): Promise<void>;
  /**
   * Resolves once all that was committed before the call is purged, with `false` when that has not come within the time.
   *
   * @param xid full number of a transaction of ours, committed before the call, which is all that has to be
   */
  caughtUp(limitMs: number, xid?: number): Promise<boolean>;
  /** Whether it is told where transactions end in the log. */
  readonly tellsEnds: boolean;
  /** Where a transaction of ours, by its full number, ends in the log; undefined unless it was purged a moment ago. */
  endOf(xid: number): Lsn | undefined;
  /** The database is elsewhere now: begins anew. */
  restart(): void;
  close(): Promise<void>;
}

/** Positions can be compared within one timeline of one cluster only. */
export interface FollowedLog {
  readonly cluster: string;
  readonly timeline: number;
}

/** How far a feed has come. */
export interface FeedStats {
  /** Of the log that is on the server's disk, bytes that have not arrived. */
  readonly lagBytes: number;
  /** Transactions that wait for being visible. */
  readonly pending: number;
  /** Whatever was committed and visible before this place in the log is purged. */
  readonly passed: Lsn;
}

/** Whether positions of the two can be compared. */
export function isSameLog(one: FollowedLog | undefined, other: FollowedLog | undefined): boolean {
  return one?.cluster === other?.cluster && one?.timeline === other?.timeline;
}
