import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { createMemoryCounter } from "../../src/limit/memory-counter.ts";
import type { Counter, Decision, LimitAlgorithm } from "../../src/limit/policy.ts";

const WINDOW_MS = 1000;

/** Requests at whole milliseconds: how long after the one before, and their cost. */
const arrivals = fc.array(fc.tuple(fc.integer({ min: 0, max: 700 }), fc.integer({ min: 1, max: 3 })), {
  minLength: 1,
  maxLength: 60,
});
const quotas = fc.integer({ min: 1, max: 12 });

interface Clocked {
  readonly counter: Counter;
  nowMs: number;
}

function clocked(algorithm: LimitAlgorithm, quota: number, burst = quota): Clocked {
  // Far from zero, and on no boundary of a window.
  const made: { nowMs: number; counter?: Counter } = { nowMs: 1_000_000 * WINDOW_MS + 37 };
  made.counter = createMemoryCounter({ algorithm, windowMs: WINDOW_MS, quota, burst }, () => made.nowMs);
  return made as Clocked;
}

function take({ counter }: Clocked, cost: number, quota: number): Decision {
  const decision = counter.take("key", cost, quota);
  assert.ok(!(decision instanceof Promise));
  return decision;
}

/** What was allowed, as `[when, how much]`. */
function replay(algorithm: LimitAlgorithm, quota: number, given: readonly [number, number][]): [number, number][] {
  const made = clocked(algorithm, quota);
  const allowed: [number, number][] = [];
  for (const [afterMs, cost] of given) {
    made.nowMs += afterMs;
    if (take(made, cost, quota).isAllowed) allowed.push([made.nowMs, cost]);
  }
  return allowed;
}

function sumOf(allowed: readonly [number, number][], fromMs: number, untilMs: number): number {
  return allowed.reduce((sum, [atMs, cost]) => (atMs > fromMs && atMs <= untilMs ? sum + cost : sum), 0);
}

describe("what passes in any stretch of time", () => {
  it("is at most the quota a window, exactly as much as there is room for, by the log", () => {
    fc.assert(
      fc.property(quotas, arrivals, (quota, given) => {
        const allowed: [number, number][] = [];
        const made = clocked("sliding-log", quota);
        for (const [afterMs, cost] of given) {
          made.nowMs += afterMs;
          const used = sumOf(allowed, made.nowMs - WINDOW_MS, made.nowMs);
          const decision = take(made, cost, quota);
          assert.equal(decision.isAllowed, used + cost <= quota);
          assert.equal(decision.remaining, quota - used - (decision.isAllowed ? cost : 0));
          if (decision.isAllowed) allowed.push([made.nowMs, cost]);
        }
      }),
    );
  });

  it("is at most the quota an aligned window, by fixed windows", () => {
    fc.assert(
      fc.property(quotas, arrivals, (quota, given) => {
        const byWindow = Map.groupBy(replay("fixed-window", quota, given), ([atMs]) => Math.floor(atMs / WINDOW_MS));
        for (const allowed of byWindow.values()) assert.ok(sumOf(allowed, 0, Infinity) <= quota);
      }),
    );
  });

  it("is at most burst and rate together, by the cell rate, and never less than the rate alone would allow", () => {
    fc.assert(
      fc.property(quotas, arrivals, (quota, given) => {
        const allowed = replay("gcra", quota, given);
        for (const [from] of allowed) {
          for (const [until] of allowed.filter(([atMs]) => atMs >= from)) {
            const most = quota + ((until - from) * quota) / WINDOW_MS;
            assert.ok(sumOf(allowed, from - 1, until) <= most + 1e-6);
          }
        }
      }),
    );
  });

  it("is at most twice the quota a window by two counters, and the quota where requests come evenly", () => {
    fc.assert(
      fc.property(quotas, arrivals, (quota, given) => {
        const allowed = replay("sliding-window", quota, given);
        for (const [until] of allowed) assert.ok(sumOf(allowed, until - WINDOW_MS, until) <= 2 * quota);
      }),
    );
    const even = replay(
      "sliding-window",
      10,
      Array.from({ length: 200 }, (): [number, number] => [20, 1]),
    );
    for (const [until] of even) assert.ok(sumOf(even, until - WINDOW_MS, until) <= 11);
  });
});

describe("every algorithm", () => {
  const algorithms: readonly LimitAlgorithm[] = ["gcra", "fixed-window", "sliding-window", "sliding-log"];

  for (const algorithm of algorithms) {
    it(`allows after the time it names, and not a moment before: ${algorithm}`, () => {
      fc.assert(
        fc.property(quotas, arrivals, (quota, given) => {
          const made = clocked(algorithm, quota);
          for (const [afterMs, cost] of given) {
            made.nowMs += afterMs;
            const { isAllowed, retryAfterMs, remaining } = take(made, cost, quota);
            if (isAllowed) {
              assert.equal(retryAfterMs, 0);
              assert.ok(remaining >= 0);
              continue;
            }
            if (cost > quota) continue;
            assert.ok(retryAfterMs > 0 && retryAfterMs <= 2 * WINDOW_MS, String(retryAfterMs));
            const refusedAtMs = made.nowMs;
            if (retryAfterMs > 1.01) {
              made.nowMs = refusedAtMs + retryAfterMs - 0.01;
              assert.equal(take(made, cost, quota).isAllowed, false, "too early");
            }
            made.nowMs = refusedAtMs + retryAfterMs + 1e-3;
            assert.equal(take(made, cost, quota).isAllowed, true, "in time");
          }
        }),
      );
    });

    it(`gives back what was charged and not used: ${algorithm}`, () => {
      const made = clocked(algorithm, 2);
      assert.equal(take(made, 2, 2).isAllowed, true);
      made.counter.charge("key", -1, 2);
      assert.equal(take(made, 1, 2).isAllowed, true);
      assert.equal(take(made, 1, 2).isAllowed, false);
    });

    it(`asks without taking, and lets a late cost overdraw: ${algorithm}`, () => {
      const made = clocked(algorithm, 5);
      assert.equal(take(made, 0, 5).remaining, 5);
      made.counter.charge("key", 9, 5);
      assert.equal(take(made, 0, 5).isAllowed, false);
      made.nowMs += 4 * WINDOW_MS;
      assert.equal(take(made, 0, 5).isAllowed, true);
    });

    it(`keeps keys apart: ${algorithm}`, () => {
      const { counter } = clocked(algorithm, 1);
      for (const key of ["a", "b", ""]) assert.equal((counter.take(key, 1, 1) as Decision).isAllowed, true);
      for (const key of ["a", "b", ""]) assert.equal((counter.take(key, 1, 1) as Decision).isAllowed, false);
    });
  }

  it("takes a burst smaller than the quota for what may come at once", () => {
    const made = clocked("gcra", 10, 3);
    const allowed = Array.from({ length: 6 }, () => take(made, 1, 10).isAllowed);
    assert.deepEqual(allowed, [true, true, true, false, false, false]);
    made.nowMs += WINDOW_MS / 10;
    assert.equal(take(made, 1, 10).isAllowed, true);
    assert.equal(take(made, 1, 10).isAllowed, false);
  });

  it("counts requests under way until they are over", () => {
    const counter = createMemoryCounter({ algorithm: "concurrency", windowMs: 0, quota: 2, burst: 2 });
    const asked = (): boolean => (counter.take("a", 1, 2) as Decision).isAllowed;
    assert.deepEqual([asked(), asked(), asked()], [true, true, false]);
    counter.charge("a", -1, 2);
    assert.deepEqual([asked(), asked()], [true, false]);
  });
});
