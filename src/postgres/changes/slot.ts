import { randomBytes } from "node:crypto";
import type { Log } from "../../api/source.ts";
import type { Probe } from "./probe.ts";
import type { ReplicationConnection } from "./replication-connection.ts";
import { FeedUnavailable } from "./unavailable.ts";

/** A replication slot, ready to be streamed from. */
export interface Slot {
  readonly name: string;
  /** It kept the log since it was last streamed from. */
  readonly isContinued: boolean;
}

/** How a slot is chosen. */
export interface SlotOptions {
  /** Of a permanent slot; `null`: a temporary one, which goes with the connection. */
  readonly name: string | null;
  /** A permanent slot that holds back more of the log is dropped and made anew: the disk must not fill up for a cache. */
  readonly maxRetainedBytes: number;
}

/** Finds the permanent slot, or makes one. Waits until all transactions that are writing at this moment have ended. */
export async function provideSlot(
  connection: ReplicationConnection,
  probe: Probe,
  { name, maxRetainedBytes }: SlotOptions,
  log: Log,
): Promise<Slot> {
  if (name === null) {
    const temporary = `hotpath_${randomBytes(8).toString("hex")}`;
    await create(connection, temporary, "TEMPORARY ", log);
    return { name: temporary, isContinued: false };
  }
  const [existing] = await probe.query(FIND, [name]);
  if (existing !== undefined) {
    const [plugin, isHere, status, retained] = existing;
    if (plugin !== "pgoutput" || isHere !== "true") {
      throw new FeedUnavailable(
        `the replication slot ${name} is somebody else's`,
        "choose another name with --changes-slot",
      );
    }
    const isLost = status === "lost" || status === "unreserved";
    if (!isLost && Number(retained) <= maxRetainedBytes) return { name, isContinued: true };
    log.warn({ slot: name, retainedBytes: Number(retained), status }, "the replication slot is dropped and made anew");
    await probe.query("select pg_drop_replication_slot($1)", [name]);
  }
  await create(connection, name, "", log);
  return { name, isContinued: false };
}

const FIND = `select plugin, (database = current_database())::text, wal_status,
  coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::text
from pg_replication_slots where slot_name = $1`;

/** A long transaction somewhere on the server holds this up; whoever wonders should find it in the log. */
const PATIENCE_MS = 10_000;
const LONGEST_WAIT_MS = 600_000;

async function create(connection: ReplicationConnection, name: string, kind: string, log: Log): Promise<void> {
  const notice = setTimeout(
    () => log.info({}, "changes are followed once the transactions that are writing now have ended"),
    PATIENCE_MS,
  );
  const limit = setTimeout(() => connection.close(), LONGEST_WAIT_MS);
  try {
    await connection.query(`CREATE_REPLICATION_SLOT "${name}" ${kind}LOGICAL pgoutput NOEXPORT_SNAPSHOT`);
  } finally {
    clearTimeout(notice);
    clearTimeout(limit);
  }
}
