import type { PoolSettings } from "../pool/types.ts";
import type { LossReason } from "./change-sink.ts";
import type { FollowedTable } from "./dependencies.ts";
import type { FeedStats, FollowedLog } from "./feed.ts";
import type { Lsn } from "./lsn.ts";
import type { Probe } from "./probe.ts";

/** By what the database tells of changes: its log, or triggers that notify. */
export type Means = "log" | "triggers";

/** A way to hear of changes. */
export interface ChangeWay {
  readonly means: Means;
  /** A new session goes on where the last one ended, so that what was stored need not go in between. */
  readonly isKept: boolean;
  /** Begins a session. Rejects with `FeedUnavailable` for what somebody must see to. */
  open(settings: PoolSettings, probe: Probe, tables: WantedTables, signal: AbortSignal): Promise<OpenSession>;
  /** Has changes of these tables told from now on, where that is ours to do. */
  provide(probe: Probe, tables: WantedTables): Promise<void>;
  /** Whether changes of all these tables are told. */
  isProvided(probe: Probe, tables: WantedTables): Promise<boolean>;
  /** Removes from the database what is of no use to anybody else. */
  leave(session: OpenSession, probe: Probe): Promise<void>;
}

/** Tables to follow, and tables that must not be. */
export interface WantedTables {
  readonly followed: readonly FollowedTable[];
  readonly barred: ReadonlySet<number>;
}

export interface OpenSession {
  readonly session: ChangeSession;
  /** Which log it is. */
  readonly log: FollowedLog | undefined;
  /** The slot it streams from, or the channel it listens to. */
  readonly name: string;
  /** What was committed since the last session is told. */
  readonly isContinued: boolean;
}

/** One unbroken time of hearing of changes. */
export interface ChangeSession {
  /** Settles when it is over, with the reason. Never rejects. */
  readonly ended: Promise<Error>;
  stats(): FeedStats;
  isPlaced(tags: readonly string[]): boolean;
  /** Resolves once whatever was reported before the call is known to end before `stats().passed`, or was reported with its place. */
  place(): Promise<void>;
  /** Has everything go: what was committed before the session began, or before tables were added to it, was not told. */
  overlap(reason: LossReason): Promise<void>;
  /**
   * Resolves once all that was committed before the call is purged, with `false` when that has not come within the time.
   *
   * @param xid full number of a transaction of ours, committed before the call, which is all that has to be
   */
  caughtUp(limitMs: number, xid?: number): Promise<boolean>;
  /** Where a transaction of ours, by its full number, ends in the log; undefined unless it was purged a moment ago. */
  endOf(xid: number): Lsn | undefined;
  /** The tables' columns are tagged differently from now on. */
  renew(): void;
  close(): void;
}
