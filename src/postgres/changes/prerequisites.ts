import { clusterOf } from "../replicas/index.ts";
import type { Probe } from "./probe.ts";
import { FeedUnavailable } from "./unavailable.ts";

/** What the server says about itself before the stream begins. */
export interface ServerFacts {
  /** Which log it is; undefined where the user may not know. */
  readonly log: { readonly cluster: string; readonly timeline: number } | undefined;
  /** How long a commit that is not waited for may take into the log: three times `wal_writer_delay`. */
  readonly asyncCommitMs: number;
}

const SQL = `select current_setting('wal_level'), pg_is_in_recovery()::text, current_setting('synchronous_standby_names'),
  (select 3 * setting::int from pg_settings where name = 'wal_writer_delay')::text`;

/** Rejects with `FeedUnavailable` when the server cannot tell of changes as it is set up. */
export async function checkServer(probe: Probe): Promise<ServerFacts> {
  const [row = []] = await probe.query(SQL);
  const [walLevel, isStandby, synchronous, asyncCommit] = row;
  if (walLevel !== "logical") {
    throw new FeedUnavailable(`wal_level is ${walLevel}`, "set wal_level = logical and restart the database");
  }
  if (isStandby === "true") {
    throw new FeedUnavailable("the database is a standby", "name the primary with --changes-url");
  }
  // Commits would wait for us, and count as replicated once we have seen them.
  if (/\*|\bhotpath\b/i.test(synchronous ?? "")) {
    throw new FeedUnavailable(
      "synchronous_standby_names would take hotpath for a standby",
      "name the standbys in synchronous_standby_names instead of *",
    );
  }
  return { asyncCommitMs: Number(asyncCommit), log: await readLog(probe) };
}

/** Which log the server writes; `undefined` when the user may not know. */
export async function readLog(probe: Probe): Promise<ServerFacts["log"]> {
  const [row = []] = await probe.query(LOG).catch(() => []);
  const [system, timeline] = row;
  return system == null ? undefined : { cluster: clusterOf(system), timeline: Number(timeline) };
}

const LOG = `select (select system_identifier::text from pg_control_system()),
  (('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int)::text`;
