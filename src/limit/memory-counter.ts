import { type Ask, type Counting, fixedWindow, gcra, slidingLog, slidingWindow } from "./counting.ts";
import { createGenerations } from "./generations.ts";
import type { Counter, Decision, LimitPolicy } from "./policy.ts";

/** Keys that one policy counts for at once; see `createGenerations` for what happens beyond. */
const MAX_KEYS = 200_000;

/** Counts in this process, on a clock that nobody can set back. */
export function createMemoryCounter(
  policy: Pick<LimitPolicy, "algorithm" | "windowMs" | "quota" | "burst">,
  clock: () => number = () => performance.now(),
): Counter {
  switch (policy.algorithm) {
    case "gcra":
      return countBy(gcra, policy, clock);
    case "fixed-window":
      return countBy(fixedWindow, policy, clock);
    case "sliding-window":
      return countBy(slidingWindow, policy, clock);
    case "sliding-log":
      return countBy(slidingLog, policy, clock);
    case "concurrency":
      return createConcurrencyCounter();
    default:
      return policy.algorithm satisfies never;
  }
}

function countBy<State>(
  counting: Counting<State>,
  { windowMs, quota: usual, burst }: Pick<LimitPolicy, "windowMs" | "quota" | "burst">,
  clock: () => number,
): Counter {
  // Two windows: what a sliding window still needs of the one before it.
  const states = createGenerations<State>(MAX_KEYS, 2 * windowMs, counting.create);
  // One for all questions: nobody keeps it.
  const ask: Ask = { nowMs: 0, cost: 0, quota: usual, windowMs, burst, isForced: false };
  const count = (key: string, cost: number, quota: number, isForced: boolean): Decision => {
    ask.nowMs = clock();
    ask.cost = cost;
    ask.quota = quota;
    // A tier with another quota has a burst in the same proportion.
    ask.burst = quota === usual ? burst : (burst * quota) / usual;
    ask.isForced = isForced;
    return counting.count(states.of(key, ask.nowMs), ask);
  };
  return {
    take: (key, cost, quota) => count(key, cost, quota, false),
    charge: (key, cost, quota) => void count(key, cost, quota, true),
  };
}

/** Requests under way by key. Who took must give back by a negative charge. */
function createConcurrencyCounter(): Counter {
  const underWay = new Map<string, number>();
  const change = (key: string, by: number): void => {
    const count = (underWay.get(key) ?? 0) + by;
    if (count <= 0) underWay.delete(key);
    else underWay.set(key, count);
  };
  return {
    take(key, cost, quota) {
      const used = underWay.get(key) ?? 0;
      const isAllowed = used + cost <= quota;
      if (isAllowed) change(key, cost);
      const remaining = quota - used - (isAllowed ? cost : 0);
      return { isAllowed, remaining, resetMs: 0, retryAfterMs: isAllowed ? 0 : CONCURRENCY_RETRY_MS };
    },
    charge: change,
  };
}

/** Nobody knows when a request under way will end; a second spares the server and is bearable. */
const CONCURRENCY_RETRY_MS = 1000;
