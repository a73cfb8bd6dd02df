/**
 * A place in the write-ahead log. Places can be compared within one timeline of one cluster only: a promotion begins a new timeline,
 * and what the old one held beyond the fork is lost.
 */
export interface Position {
  /** Which cluster: see `clusterOf`. */
  readonly cluster: string;
  readonly timeline: number;
  /** Byte position in the log ("log sequence number"). */
  readonly lsn: bigint;
}

/** Whether whoever has seen the log up to `reached` has seen `position`. `false` where the two cannot be compared. */
export function covers(reached: Position, position: Position): boolean {
  return reached.lsn >= position.lsn && reached.timeline === position.timeline && reached.cluster === position.cluster;
}

/** Reads `16/B374D848`, as the server writes positions. */
export function parseLsn(text: string): bigint {
  const slash = text.indexOf("/");
  return (BigInt(`0x${text.slice(0, slash)}`) << 32n) | BigInt(`0x${text.slice(slash + 1)}`);
}

/**
 * The end of the last record before an insert position. After a full page, or a switch of segments, the insert position stands behind the
 * header of the next page already, where no record ends: a replica that has everything would never get there.
 */
export function endOfRecords(insertLsn: bigint, { segmentBytes, pageBytes }: LogLayout): bigint {
  if (insertLsn % segmentBytes === LONG_HEADER) return insertLsn - LONG_HEADER;
  return insertLsn % pageBytes === SHORT_HEADER ? insertLsn - SHORT_HEADER : insertLsn;
}

/** How a cluster's log is cut. */
export interface LogLayout {
  readonly segmentBytes: bigint;
  readonly pageBytes: bigint;
}

/** Headers of a segment's first page and of the others (xlog_internal.h). */
const LONG_HEADER = 40n;
const SHORT_HEADER = 24n;

/** The server's own form of a position. */
export function formatLsn(lsn: bigint): string {
  return `${(lsn >> 32n).toString(16)}/${(lsn & 0xffffffffn).toString(16)}`.toUpperCase();
}
