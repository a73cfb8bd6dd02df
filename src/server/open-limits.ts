import type { ServerSettings } from "../api/settings.ts";
import type { Log } from "../api/source.ts";
import { createLimits, type Limits } from "../limit/limits.ts";
import { createMemoryCounter } from "../limit/memory-counter.ts";
import type { Counter, LimitPolicy } from "../limit/policy.ts";
import type { WorkerLink } from "../workers/link.ts";

/** The limits of a server, and what they hold open. */
export interface OpenLimits {
  readonly limits: Limits;
  close(): Promise<void>;
}

/** Makes what counts requests; loads what speaks to Redis only where nodes count together. `undefined`: there are no limits. */
export async function openLimits(
  policies: readonly LimitPolicy[],
  { limit, cache }: Pick<ServerSettings, "limit" | "cache">,
  log: Log,
  worker?: WorkerLink,
): Promise<OpenLimits | undefined> {
  if (policies.length === 0) return undefined;
  const url = limit.shared ? (limit.redis ?? cache.redis) : null;
  const shared = url === null ? undefined : await openShared(url, { limit, cache }, log);
  const amongWorkers = worker === undefined ? undefined : await openAmongWorkers(worker, limit);
  const limits = createLimits({
    policies,
    // Requests under way are this node's own: another cannot say when they end.
    counterOf(policy) {
      if (shared !== undefined && policy.algorithm !== "concurrency") return shared.counterOf(policy);
      return amongWorkers === undefined ? createMemoryCounter(policy) : amongWorkers(policy);
    },
    isLocal: shared === undefined && amongWorkers === undefined,
    trustedProxies: limit.trustedProxies,
    ipv6Prefix: limit.ipv6Prefix,
    sendsFields: limit.fields,
  });
  return { limits, close: async () => shared?.close() };
}

/** Counts with the supervisor of this machine's workers. */
async function openAmongWorkers(
  worker: WorkerLink,
  { timeoutMs, sharePercent, whenUnreachable }: ServerSettings["limit"],
): Promise<(policy: LimitPolicy) => Counter> {
  const [{ createWorkerCounter, leaseFromSupervisor }, { createLeasedCounter }, { createSharedCounter }] =
    await Promise.all([
      import("../workers/worker-counter.ts"),
      import("../limit/leased-counter.ts"),
      import("../limit/shared-counter.ts"),
    ]);
  const { createBreaker } = await import("../cache/tiers/breaker.ts");
  const breaker = createBreaker();
  return (policy) => {
    const counted = createWorkerCounter(policy, worker, timeoutMs);
    // Who gives back must reach what was taken from.
    if (policy.algorithm === "concurrency") return counted;
    const remote =
      policy.lease > 0 ? createLeasedCounter(policy, leaseFromSupervisor(policy, worker, timeoutMs), "") : counted;
    return createSharedCounter({
      remote,
      local: createMemoryCounter(policy),
      whenUnreachable: whenUnreachable === "refuse" ? "refuse" : { sharePercent },
      breaker,
    });
  };
}

async function openShared(
  url: string,
  { limit, cache }: Pick<ServerSettings, "limit" | "cache">,
  log: Log,
): Promise<{ counterOf(policy: LimitPolicy): Counter; close(): Promise<void> }> {
  const [{ openRedisRunner }, { createRedisCounter }, { createLeasedCounter }, { createSharedCounter }] =
    await Promise.all([
      import("../limit/redis-runner.ts"),
      import("../limit/redis-counter.ts"),
      import("../limit/leased-counter.ts"),
      import("../limit/shared-counter.ts"),
    ]);
  const { parseRedisUrl } = await import("../cache/redis/target.ts");
  const { createBreaker } = await import("../cache/tiers/breaker.ts");
  const runner = await openRedisRunner({
    target: parseRedisUrl(url),
    timeoutMs: limit.timeoutMs,
    report: (error) => log.warn({ err: error }, "Redis cannot be reached; limits are counted by each node alone"),
  });
  const prefix = `${cache.prefix}:limit:`;
  const breaker = createBreaker();
  const whenUnreachable = limit.whenUnreachable === "refuse" ? "refuse" : { sharePercent: limit.sharePercent };
  return {
    counterOf(policy) {
      const create = policy.lease > 0 ? createLeasedCounter : createRedisCounter;
      const remote = create(policy, runner.run, prefix);
      return createSharedCounter({ remote, local: createMemoryCounter(policy), whenUnreachable, breaker });
    },
    close: () => runner.close(),
  };
}
