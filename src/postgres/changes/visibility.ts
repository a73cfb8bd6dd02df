/**
 * What a snapshot of the database sees (`pg_current_snapshot()`). Numbers of transactions are those with their epoch, far below 2^53.
 */
export interface Snapshot {
  /** All before it are over. */
  readonly xmin: number;
  /** None from it on has begun. */
  readonly xmax: number;
  /** Those between that are not over. */
  readonly running: ReadonlySet<number>;
}

/** Reads `xmin:xmax:xip,…`. */
export function parseSnapshot(text: string): Snapshot {
  const [xmin = "", xmax = "", running = ""] = text.split(":");
  return {
    xmin: Number(xmin),
    xmax: Number(xmax),
    running: new Set(running === "" ? [] : running.split(",").map(Number)),
  };
}

/** Whether a transaction is over, so that this snapshot and all after it see what it did. */
export function isOver(snapshot: Snapshot, xid: number): boolean {
  if (xid < snapshot.xmin) return true;
  return xid < snapshot.xmax && !snapshot.running.has(xid);
}

/** The full number of a transaction of which only the lower half is known: the one nearest to what the snapshot tells of. */
export function toFullXid(snapshot: Snapshot, lowXid: number): number {
  const full = Math.floor(snapshot.xmax / EPOCH) * EPOCH + lowXid;
  const distance = full - snapshot.xmax;
  if (distance >= EPOCH / 2) return full - EPOCH;
  return distance < -EPOCH / 2 ? full + EPOCH : full;
}

/** The lower half of a transaction's full number. */
export function toLowXid(fullXid: number): number {
  return fullXid % EPOCH;
}

const EPOCH = 2 ** 32;
