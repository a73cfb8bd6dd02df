import { setTimeout as delay } from "node:timers/promises";
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
    {
      name: "change stream cut",
      async happen() {
        await queryRows(
          primary.url,
          "select pg_terminate_backend(active_pid) from pg_replication_slots where slot_type = 'logical' and active",
        );
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
