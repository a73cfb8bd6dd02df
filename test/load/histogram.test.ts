import assert from "node:assert/strict";
import { test } from "node:test";
import { array, assert as check, double, property } from "fast-check";
import { Histogram } from "../../src/load/histogram.ts";

const values = array(double({ min: 0.001, max: 1e7, noNaN: true }), { minLength: 1, maxLength: 300 });

test("a quantile is the sorted values' own, to a quarter of a percent", () => {
  check(
    property(values, double({ min: 0, max: 1, noNaN: true }), (given, share) => {
      const histogram = new Histogram();
      for (const value of given) histogram.record(value);
      const sorted = [...given].sort((a, b) => a - b);
      const exact = sorted[Math.max(1, Math.ceil(share * sorted.length - 1e-9)) - 1]!;
      assert.ok(Math.abs(histogram.quantile(share) / exact - 1) < 0.0025);
    }),
  );
});

test("histograms that were sent apart add up to one that has counted all", () => {
  check(
    property(values, values, (first, second) => {
      const [a, b, both, sum] = [new Histogram(), new Histogram(), new Histogram(), new Histogram()];
      for (const value of first) a.record(value);
      for (const value of second) b.record(value);
      for (const value of [...first, ...second]) both.record(value);
      sum.add(a.encode());
      sum.add(structuredClone(b.encode()));
      assert.deepEqual(sum.encode().buckets, both.encode().buckets);
      assert.equal(sum.count, both.count);
      assert.equal(sum.max, both.max);
      sum.reset();
      assert.deepEqual(sum.encode(), new Histogram().encode());
    }),
  );
});

test("values beyond all buckets, of 0 and below are counted and bound the quantiles", () => {
  const histogram = new Histogram();
  for (const value of [-5, 0, 1e-30, 1e300]) histogram.record(value);
  assert.equal(histogram.count, 4);
  assert.equal(histogram.quantile(0), histogram.quantile(0.5));
  assert.equal(histogram.min, -5);
  assert.equal(histogram.max, 1e300);
});
