import assert from "node:assert/strict";
import { test } from "node:test";
import { array, assert as check, integer, property, record } from "fast-check";
import { createArrivalTimes } from "../../src/load/arrivals.ts";

test("a constant rate is met to the arrival, at even distances", () => {
  const times = createArrivalTimes(500, 1000, [{ durationMs: 30_000, target: 500 }]);
  assert.equal(times.total, 15_000);
  assert.equal(times.timeOf(0), 0);
  assert.ok(Math.abs(times.timeOf(14_999) - 29_998) < 1e-6);
});

test("the area below the rates up to an arrival's time is its number", () => {
  const stage = record({ durationMs: integer({ min: 0, max: 5000 }), target: integer({ min: 0, max: 900 }) });
  check(
    property(integer({ min: 0, max: 500 }), array(stage, { minLength: 1, maxLength: 5 }), (start, stages) => {
      const times = createArrivalTimes(start, 1000, stages);
      const areaUntil = (ms: number): number => {
        let [from, rate, area] = [0, start, 0];
        for (const { durationMs, target } of stages) {
          const part = Math.min(durationMs, Math.max(0, ms - from));
          const reached = durationMs === 0 ? target : rate + ((target - rate) * part) / durationMs;
          area += (((rate + reached) / 2) * part) / 1000;
          from += durationMs;
          rate = target;
        }
        return area;
      };
      let before = 0;
      for (let index = 0; index < times.total; index += 1 + Math.floor(times.total / 50)) {
        const at = times.timeOf(index);
        assert.ok(at >= before, "in order");
        assert.ok(Math.abs(areaUntil(at) - index) < 1e-3, `arrival ${index} is due at ${at} ms`);
        before = at;
      }
    }),
  );
});
