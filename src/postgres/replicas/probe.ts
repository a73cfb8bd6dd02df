import { createStatement, type Command, type Pool } from "../pool/index.ts";
import { endOfRecords, type LogLayout, parseLsn, type Position } from "./position.ts";
import { clusterOf } from "./token.ts";

/** What a server said of itself at one moment. */
export interface ServerReport {
  readonly isStandby: boolean;
  /** A standby: what it has replayed, at least. A primary: what it has written, commits included. */
  readonly position: Position;
  /** Identifies the database within the cluster, so that a URL that names another one is noticed. */
  readonly database: string;
  /** A standby has received log that it has not replayed. */
  readonly hasBacklog: boolean;
  /** Age of the last transaction that a standby replayed, by the two servers' clocks; `null`: none yet, or a primary. */
  readonly replayAgeMs: number | null;
  /** When the server process started: one that has restarted may be behind of what it showed before. */
  readonly startedAt: string;
}

/**
 * On a standby the timeline is the highest that its files or its receiver name: each says that its history leads there. The receiver's
 * is visible to members of `pg_monitor`; the others follow a promotion with a delay, until which the standby counts as left behind.
 */
const REPORT: Command = {
  statement: createStatement(`SELECT
  r, lsn,
  CASE WHEN r THEN greatest(
      (SELECT timeline_id FROM pg_control_checkpoint()),
      (SELECT min_recovery_end_timeline FROM pg_control_recovery()),
      (SELECT received_tli FROM pg_stat_get_wal_receiver()))
    ELSE ('x' || left(pg_walfile_name(lsn), 8))::bit(32)::int END,
  (SELECT system_identifier FROM pg_control_system()),
  (SELECT oid FROM pg_database WHERE datname = current_database()),
  r AND pg_last_wal_receive_lsn() > lsn,
  extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000,
  pg_postmaster_start_time(),
  pg_size_bytes(current_setting('wal_segment_size')), current_setting('wal_block_size')
FROM pg_is_in_recovery() AS r,
  LATERAL (SELECT CASE WHEN r THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END AS lsn OFFSET 0) AS log`),
  values: [],
};

/** Asks a server how it is. Rejects with what the pool says, `HP_DEADLINE` when it takes too long. */
export async function probe(pool: Pool, timeoutMs: number): Promise<ServerReport> {
  const [result] = await pool.run([REPORT], { timeoutMs });
  const [isStandby, lsn, timeline, system, database, hasBacklog, age, startedAt, ...layout] = result?.rows[0] ?? [];
  // A standby that has replayed nothing since it started has no position.
  const at = lsn == null ? 0n : parseLsn(lsn);
  return {
    isStandby: isStandby === "t",
    position: {
      cluster: clusterOf(system ?? ""),
      timeline: Number(timeline),
      lsn: isStandby === "t" ? at : endOfRecords(at, toLayout(layout)),
    },
    database: database ?? "",
    hasBacklog: hasBacklog === "t",
    replayAgeMs: isStandby !== "t" || age == null ? null : Number(age),
    startedAt: startedAt ?? "",
  };
}

/**
 * Where the log is right after a commit: everything committed before is below. The insert position and not the flush position, because
 * with `synchronous_commit = off` the commit itself may not be flushed yet; nor can it be asked for before the commit, whose record comes last.
 */
export const COMMITTED: Command = {
  statement: createStatement(`SELECT
  lsn, ('x' || left(pg_walfile_name(lsn), 8))::bit(32)::int, (SELECT system_identifier FROM pg_control_system()),
  pg_size_bytes(current_setting('wal_segment_size')), current_setting('wal_block_size')
FROM pg_current_wal_insert_lsn() AS lsn`),
  values: [],
};

/** Reads the last two fields of either statement. */
export function toLayout([segmentBytes, pageBytes]: readonly (string | null)[]): LogLayout {
  return { segmentBytes: BigInt(segmentBytes ?? 0), pageBytes: BigInt(pageBytes ?? 0) };
}
