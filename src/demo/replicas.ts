import { readdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Cluster } from "./cluster.ts";
import { isAlive } from "./processes.ts";
import { startStandby } from "./standby.ts";

export interface ReplicasOptions {
  readonly primaryUrl: string;
  readonly primaryDirectory: string;
  readonly count: number;
  readonly settings: Readonly<Record<string, string | number>>;
}

/** Settings of a primary: log is kept for replicas that have just been copied, and sent at each commit instead of some time after. */
export const REPLICATED = { wal_keep_size: "1GB", synchronous_commit: "on" } as const;

/**
 * Starts streaming replicas of a running cluster beside its data directory. They are copied anew each time and removed at the end,
 * which takes less than finding out whether an old copy can still follow.
 */
export async function startReplicas(options: ReplicasOptions): Promise<readonly Cluster[]> {
  const { primaryUrl, primaryDirectory, count, settings } = options;
  await removeAbandoned(primaryDirectory);
  const started: Cluster[] = [];
  try {
    for (let number = 1; number <= count; number++) {
      const dataDirectory = `${primaryDirectory}-replica-${number}-${process.pid}`;
      started.push(await startStandby({ primaryUrl, primaryDirectory, dataDirectory, settings, temporary: true }));
    }
    return started;
  } catch (error) {
    await Promise.all(started.map(async (cluster) => cluster.stop("immediate")));
    throw error;
  }
}

/** What a loss of power left. */
async function removeAbandoned(primaryDirectory: string): Promise<void> {
  const folder = dirname(primaryDirectory);
  const prefix = `${basename(primaryDirectory)}-replica-`;
  for (const name of await readdir(folder)) {
    const pid = name.startsWith(prefix) ? /^\d+-(\d+)$/.exec(name.slice(prefix.length))?.[1] : undefined;
    if (pid !== undefined && !isAlive(Number(pid))) await rm(join(folder, name), { recursive: true, force: true });
  }
}
