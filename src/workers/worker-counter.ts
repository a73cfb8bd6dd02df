import type { RunScript } from "../limit/redis-counter.ts";
import type { Counter, LimitPolicy } from "../limit/policy.ts";
import type { WorkerLink } from "./link.ts";

/** Counts with the supervisor: exact over all workers of the machine. */
export function createWorkerCounter(policy: LimitPolicy, link: WorkerLink, timeoutMs: number): Counter {
  const { name, algorithm, windowMs, quota: usual, burst } = policy;
  const counted = { name, algorithm, windowMs, quota: usual, burst };
  return {
    async take(key, cost, quota) {
      try {
        return (await link.count({ policy: counted, key, cost, quota, how: "take" }, timeoutMs)).decision;
      } catch (error) {
        // Where units are given back nobody else may count: it may yet be counted, and will be given back.
        if (algorithm === "concurrency") return { isAllowed: true, remaining: 0, resetMs: 0, retryAfterMs: 0 };
        throw error;
      }
    },
    charge: (key, cost, quota) => link.charge({ policy: counted, key, cost, quota, how: "charge" }),
  };
}

/** What hands out units in advance (see leased-counter.ts), as Redis does between machines. */
export function leaseFromSupervisor(policy: LimitPolicy, link: WorkerLink, timeoutMs: number): RunScript {
  const { name, windowMs, quota: usual, burst } = policy;
  const counted = { name, algorithm: "fixed-window", windowMs, quota: usual, burst } as const;
  return async (_script, key, [wanted = "0", quota = "0"]) => {
    const ask = { policy: counted, key, cost: Number(wanted), quota: Number(quota), how: "lease" } as const;
    const { granted, decision } = await link.count(ask, timeoutMs);
    return [granted, decision.remaining, decision.resetMs * 1000];
  };
}
