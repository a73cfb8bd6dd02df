import type { Breaker } from "../cache/tiers/breaker.ts";
import { createBlockedKeys } from "./blocked-keys.ts";
import type { Counter, Decision } from "./policy.ts";

/** What happens while Redis cannot be asked: each node grants its share of the quota, or everybody is refused. */
export type WhenUnreachable = { readonly sharePercent: number } | "refuse";

export interface SharedCounterOptions {
  /** Asks Redis; rejects when it does not answer in time. */
  readonly remote: Counter;
  /** Counts in this process while Redis cannot be asked. */
  readonly local: Counter;
  readonly whenUnreachable: WhenUnreachable;
  readonly breaker: Breaker;
  readonly clock?: () => number;
}

/** Counts in Redis, remembers here who is blocked, and goes on alone while Redis is away: no request waits for a dead one. */
export function createSharedCounter(options: SharedCounterOptions): Counter {
  const { remote, local, whenUnreachable, breaker, clock = () => performance.now() } = options;
  const blocked = createBlockedKeys(clock);

  function alone(key: string, cost: number, quota: number): Decision | Promise<Decision> {
    if (whenUnreachable === "refuse") return REFUSED;
    return local.take(key, cost, Math.max(1, Math.floor((quota * whenUnreachable.sharePercent) / 100)));
  }

  async function ask(key: string, cost: number, quota: number): Promise<Decision> {
    let decision: Decision;
    try {
      decision = await remote.take(key, cost, quota);
      breaker.succeed();
    } catch {
      breaker.fail();
      return alone(key, cost, quota);
    }
    // A cost above one may be refused where a smaller one is not.
    if (!decision.isAllowed && cost <= 1) blocked.block(key, clock() + decision.retryAfterMs);
    return decision;
  }

  return {
    take(key, cost, quota) {
      const untilMs = blocked.until(key);
      if (untilMs !== undefined) {
        const waitMs = untilMs - clock();
        return { isAllowed: false, remaining: 0, resetMs: waitMs, retryAfterMs: waitMs };
      }
      return breaker.allows() ? ask(key, cost, quota) : alone(key, cost, quota);
    },
    charge(key, cost, quota) {
      if (breaker.state() === "closed") remote.charge(key, cost, quota);
      else if (whenUnreachable !== "refuse") local.charge(key, cost, quota);
    },
  };
}

const REFUSED: Decision = { isAllowed: false, remaining: 0, resetMs: 1000, retryAfterMs: 1000 };
