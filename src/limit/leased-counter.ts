import { createGenerations } from "./generations.ts";
import type { Counter, Decision, LimitPolicy } from "./policy.ts";
import { LEASE } from "./redis-scripts.ts";
import type { RunScript } from "./redis-counter.ts";

/** What a node holds of one key's quota. */
interface Lease {
  units: number;
  /** Units that nobody holds yet, as the last reply told. */
  left: number;
  endsMs: number;
  asking: Promise<void> | undefined;
}

const MAX_KEYS = 200_000;

/**
 * Counts with units that were taken from Redis in advance, for routes that must not wait for it each time.
 *
 * Windows are fixed. Never more than the quota passes, on however many nodes; of n nodes, up to n × (lease − 1) units may lie
 * with those that do not need them when others are refused.
 */
export function createLeasedCounter(
  { name, windowMs, lease: size }: LimitPolicy,
  run: RunScript,
  prefix: string,
  clock: () => number = () => performance.now(),
): Counter {
  const leases = createGenerations<Lease>(MAX_KEYS, 2 * windowMs, newLease);

  async function renew(key: string, held: Lease, wanted: number, quota: number): Promise<void> {
    const askedMs = clock();
    const words = [String(wanted), String(quota), String(windowMs * 1000), "0", "0"];
    const [granted = 0, left = 0, resetUs = 0] = (
      (await run(LEASE, `${prefix}${name}:${key}`, words)) as unknown[]
    ).map(Number);
    // From when it was asked: the window may have ended while the reply was on its way.
    const endsMs = askedMs + resetUs / 1000;
    if (held.endsMs < askedMs || endsMs > held.endsMs + windowMs / 2) held.units = 0;
    held.units += granted;
    held.left = left;
    held.endsMs = endsMs;
  }

  function spend(held: Lease, cost: number, nowMs: number): Decision {
    const isAllowed = held.endsMs > nowMs && held.units >= cost;
    if (isAllowed) held.units -= cost;
    const resetMs = Math.max(0, held.endsMs - nowMs);
    return {
      isAllowed,
      remaining: held.units + held.left,
      resetMs,
      retryAfterMs: isAllowed ? 0 : Math.max(1, resetMs),
    };
  }

  async function takeAfterRenewal(key: string, held: Lease, cost: number, quota: number): Promise<Decision> {
    // One call for all who wait; whoever it does not suffice for asks once more.
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      held.asking ??= renew(key, held, Math.max(size, cost), quota).finally(() => (held.asking = undefined));
      await held.asking;
      const decision = spend(held, cost, clock());
      if (decision.isAllowed || held.left === 0) return decision;
    }
    return spend(held, cost, clock());
  }

  return {
    take(key, cost, quota) {
      const nowMs = clock();
      const held = leases.of(key, nowMs);
      const isOver = held.endsMs <= nowMs;
      if (!isOver && (held.units >= Math.max(cost, 1) || held.left === 0)) return spend(held, cost, nowMs);
      return takeAfterRenewal(key, held, cost, quota);
    },
    charge(key, cost) {
      leases.of(key, clock()).units -= cost;
    },
  };
}

/** Rounds of asking that a request waits for: each gets a lease's worth, whoever else waits. */
const MAX_TRIES = 100;

function newLease(): Lease {
  return { units: 0, left: 1, endsMs: Number.NEGATIVE_INFINITY, asking: undefined };
}
