import type { LimitPolicy } from "../../src/limit/policy.ts";

/** A policy of which a test says what matters to it. */
export function makePolicy(given: Partial<LimitPolicy> = {}): LimitPolicy {
  const quota = given.quota ?? 10;
  return {
    name: "test",
    algorithm: "gcra",
    quota,
    windowMs: 60_000,
    burst: quota,
    by: "ip",
    cost: "request",
    tiers: null,
    routes: [],
    lease: 0,
    ...given,
  };
}
