import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { formatMetrics } from "../../src/observe/exposition.ts";
import { createMetrics, type Metrics } from "../../src/observe/metrics.ts";
import { mergeMetrics, tellMetrics, type ToldFamily } from "../../src/workers/told-metrics.ts";

const BUCKETS = [0.1, 1, 10];

/** A registry in which some things were counted. */
function counted(events: readonly Event[]): Metrics {
  const metrics = createMetrics();
  const counter = metrics.counter({ name: "things_total", help: "Things.", labels: ["kind"] });
  const histogram = metrics.histogram({ name: "sizes", help: "Sizes.", labels: ["kind"], buckets: BUCKETS });
  for (const { kind, size } of events) {
    counter.with(kind).add(size);
    histogram.with(kind).observe(size);
  }
  return metrics;
}

interface Event {
  readonly kind: string;
  readonly size: number;
}

function lines(text: string): string[] {
  return text.split("\n").sort();
}

function families(value: number): readonly ToldFamily[] {
  const metrics = createMetrics();
  metrics.gauge({ name: "memory_bytes", help: "Memory." }, () => value);
  return tellMetrics(metrics.read(/memory/));
}

const EVENTS = fc.array(fc.record({ kind: fc.constantFrom("a", "b", 'c"\\'), size: fc.integer({ min: 0, max: 20 }) }));

test("what workers count adds up to what one process would have counted, in whatever order they end", () => {
  fc.assert(
    fc.property(fc.array(EVENTS, { minLength: 1, maxLength: 5 }), fc.nat(4), (perWorker, gone) => {
      const told = perWorker.map((events, at) => ({
        slot: String(at + 1),
        isGone: at < gone,
        families: structuredClone(tellMetrics(counted(events).read(/./))),
      }));
      const past = tellMetrics(mergeMetrics(told.filter(({ isGone }) => isGone)));
      const present = told.filter(({ isGone }) => !isGone);
      const merged = mergeMetrics([{ slot: "", isGone: true, families: past }, ...present]);
      const whole = counted(perWorker.flat()).read(/./);
      assert.deepEqual(lines(formatMetrics(merged, "prometheus")), lines(formatMetrics(whole, "prometheus")));
    }),
  );
});

test("gauges stand beside each other, and go with their worker", () => {
  const merged = mergeMetrics([
    { slot: "1", isGone: true, families: families(1) },
    { slot: "2", isGone: false, families: families(2) },
    { slot: "3", isGone: false, families: families(Infinity) },
  ]);
  const text = formatMetrics(merged, "prometheus");
  assert.deepEqual(
    text.split("\n").filter((line) => line.startsWith("memory_bytes")),
    ['memory_bytes{worker="2"} 2', 'memory_bytes{worker="3"} +Inf'],
  );
});
