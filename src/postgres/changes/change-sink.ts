import type { Lsn } from "./lsn.ts";

/** Transactions whose changes are purged together. */
export interface ChangeReport {
  readonly tags: readonly string[];
  /** When each transaction was committed, by the database's clock in milliseconds since the epoch. */
  readonly committedAtMs: readonly number[];
  /** The last of them ends before this place in the log. */
  readonly endLsn: Lsn;
}

/** Who is told what a feed of changes knows. */
export interface ChangeSink {
  /**
   * Rows have changed, and whoever reads from now on sees it. Replies with one of the tags are of no use here when the call returns; resolves
   * when no other node has them either. Never rejects.
   */
  changed(report: ChangeReport): Promise<void>;
  /**
   * Changes may have been missed: every reply may be out of date. As `changed`, for all of them.
   *
   * @param before place in the log before which the changes are that may have been missed
   */
  lost(reason: LossReason, before: Lsn): Promise<void>;
  /** What was visible at this time (by `performance.now()`) has been reported. */
  proven(atMs: number): void;
  /** Somebody else tells of changes, and began before this. Nothing of the log before `seen` is known. */
  joined(seen: Lsn): void;
  /** Changes of rows with these tags, which somebody else has purged, come before this place in the log. */
  placed(tags: readonly string[], before: Lsn): void;
  /** From now on nothing is known: what is stored is of no use any more. */
  interrupted(): void;
  /** The structure of the database may have changed. */
  restructured(): void;
  /** Counts one change. */
  counted(kind: ChangeKind): void;
}

/** Why everything had to go. */
export type LossReason = "start" | "overlap" | "structure" | "interruption";
export type ChangeKind = "notified" | "insert" | "update" | "delete" | "truncate" | "oversized";
