import { setTimeout as delay } from "node:timers/promises";
import { signal } from "../../src/demo/processes.ts";
import { queryRows, runSql, type PrivateCluster } from "../support/postgres.ts";
import type { RedisServer } from "../support/redis.ts";
import type { History } from "./history.ts";

/** What can go wrong in a run. */
export interface FaultTargets {
  readonly primary: PrivateCluster;
  readonly replicas: readonly [PrivateCluster, PrivateCluster];
  readonly redis: RedisServer | undefined;
  readonly history: History;
}

/** One kind of fault; resolves when everything runs again. */
export interface Fault {
  readonly name: string;
  happen(): Promise<void>;
}

/** After the primary is back, how long nodes may take to find that out: their attempts to connect are up to a second apart. */
const NOTICE_MS = 3000;

/** Whoever sends changes to hotpath: the log, or what triggers tell. */
const STREAMS = `select active_pid as pid from pg_replication_slots where slot_type = 'logical' and active
  union select pid from pg_stat_activity where query like 'listen "hotpath_%'`;
const CUT = `select pg_terminate_backend(pid) from (${STREAMS}) streams`;
const KEPT_AWAY_MS = 1500;
const SILENT_MS = 2500;

export function createFaults({ primary, replicas, redis, history }: FaultTargets): readonly Fault[] {
  const [lagging, killed] = replicas;

  async function outage(stop: () => Promise<void>): Promise<void> {
    const running = { from: performance.now(), to: Infinity };
    history.outages.push(running);
    await stop();
    await delay(500);
    await primary.start();
    running.to = performance.now() + NOTICE_MS;
    await delay(NOTICE_MS);
  }

  const faults: Fault[] = [
    {
      name: "replay paused",
      async happen() {
        await runSql(lagging.url, "select pg_wal_replay_pause()");
        await delay(700);
        await runSql(lagging.url, "select pg_wal_replay_resume()");
      },
    },
    {
      name: "replay paused beyond the limit",
      async happen() {
        await runSql(lagging.url, "select pg_wal_replay_pause()");
        await delay(3000);
        await runSql(lagging.url, "select pg_wal_replay_resume()");
      },
    },
    {
      name: "replica killed",
      async happen() {
        await killed.kill("SIGKILL");
        await delay(300);
        await killed.start();
      },
    },
    { name: "change stream cut", happen: async () => void (await queryRows(primary.url, CUT)) },
    {
      name: "change stream kept away",
      async happen() {
        for (const until = performance.now() + KEPT_AWAY_MS; performance.now() < until; await delay(50)) {
          await queryRows(primary.url, CUT);
        }
      },
    },
    {
      name: "change stream silent",
      async happen() {
        const pids = (await queryRows(primary.url, `select pid from (${STREAMS}) streams`)).map(({ pid }) =>
          Number(pid),
        );
        for (const pid of pids) signal(pid, "SIGSTOP");
        // Longer than replies may be old.
        await delay(SILENT_MS);
        for (const pid of pids) signal(pid, "SIGCONT");
      },
    },
    { name: "primary restarted", happen: () => outage(() => primary.stop()) },
    { name: "primary killed", happen: () => outage(() => primary.kill("SIGQUIT")) },
  ];
  if (redis !== undefined) {
    faults.push({
      name: "Redis killed",
      async happen() {
        await redis.kill();
        await delay(500);
        await redis.start();
      },
    });
  }
  return faults;
}
