import type { Counter, Decision, LimitAlgorithm, LimitPolicy } from "./policy.ts";
import { FIXED_WINDOW, GCRA, type LimitScript, SLIDING_LOG, SLIDING_WINDOW } from "./redis-scripts.ts";

/** Runs a script on one key in Redis; rejects when it cannot, or not in time. */
export type RunScript = (script: LimitScript, key: string, words: readonly string[]) => Promise<unknown>;

const SCRIPTS: Readonly<Record<Exclude<LimitAlgorithm, "concurrency">, LimitScript>> = {
  gcra: GCRA,
  "fixed-window": FIXED_WINDOW,
  "sliding-window": SLIDING_WINDOW,
  "sliding-log": SLIDING_LOG,
};

/** Counts in Redis: exact across nodes. Every decision is one call. */
export function createRedisCounter(
  { name, algorithm, windowMs, quota: usual, burst }: LimitPolicy,
  run: RunScript,
  prefix: string,
): Counter {
  if (algorithm === "concurrency") throw new TypeError("requests under way are counted in the process");
  const script = SCRIPTS[algorithm];
  const windowUs = String(windowMs * 1000);
  const ask = (key: string, cost: number, quota: number, isForced: boolean): Promise<unknown> => {
    const words = [String(cost), String(quota), windowUs, String((burst * quota) / usual), isForced ? "1" : "0"];
    return run(script, `${prefix}${name}:${key}`, words);
  };
  return {
    take: (key, cost, quota) => ask(key, cost, quota, false).then(toDecision),
    charge(key, cost, quota) {
      // Units that cannot be charged are not worth a failed request.
      ask(key, cost, quota, true).catch(() => {});
    },
  };
}

function toDecision(reply: unknown): Decision {
  const [allowed = 0, remaining = 0, resetUs = 0, retryUs = 0] = reply as readonly number[];
  return { isAllowed: allowed === 1, remaining, resetMs: resetUs / 1000, retryAfterMs: retryUs / 1000 };
}
