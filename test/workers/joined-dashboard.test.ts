import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { DashboardState } from "../../src/observe/dashboard/dashboard.ts";
import { nameSecond, type Point } from "../../src/observe/dashboard/history.ts";
import { joinStates } from "../../src/workers/joined-dashboard.ts";

test("a late or early timer leaves no second out and has none twice; a long pause is one", () => {
  const jitter = fc.array(fc.integer({ min: -200, max: 200 }), { minLength: 5, maxLength: 50 });
  fc.assert(
    fc.property(fc.nat(999), jitter, (phase, late) => {
      let before: number | undefined;
      for (const [at, by] of late.entries()) {
        const name = nameSecond(before, 1_000_000 + phase + at * 1000 + by);
        if (before !== undefined) assert.equal(name, before + 1);
        before = name;
      }
    }),
  );
  assert.equal(nameSecond(100, 110_000), 110);
});

test("a second is shown once all workers have ended theirs, unless one hangs", () => {
  assert.deepEqual(join([10, 11, 12], [10, 11]), [
    [10, 20],
    [11, 20],
  ]);
  assert.deepEqual(join([10, 11], [11, 12]), [
    [10, 10],
    [11, 20],
  ]);
  assert.equal(join([10], [10, 11, 12, 13, 14]).at(-1)?.[0], 11);
  assert.deepEqual(join([], []), []);
});

function join(...lists: number[][]): (readonly [number, number])[] {
  const { points } = joinStates(lists.map((seconds, at) => ({ slot: String(at + 1), state: stateOf(seconds) })));
  return points.map(({ at, requests }) => [at, requests] as const);
}

function stateOf(seconds: readonly number[]): DashboardState {
  const points = seconds.map((at): Point => {
    const none = { refused: 0, failed: 0, p50: null, p90: null, p99: null, buckets: [], hits: 0, lookups: 0 };
    return { at, requests: 10, ...none, busy: 0, memoryBytes: 0 };
  });
  const lists = { stages: [], routes: [], slowest: [], failed: [], statements: [], gauges: [], advice: [] };
  return { version: "", node: "", upSeconds: 0, points, inFlight: 0, stride: 1, ...lists };
}
