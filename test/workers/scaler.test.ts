import assert from "node:assert/strict";
import { test } from "node:test";
import { createScaler } from "../../src/workers/scaler.ts";
import { seededRandom } from "../support/seeded-random.ts";

/** How many workers there are each second under a load, of which one worker can carry 1. */
function simulate(load: (second: number) => number, seconds: number, max: number): number[] {
  const scaler = createScaler({ min: 1, max });
  const counts: number[] = [];
  let count = 1;
  for (let second = 0; second < seconds; second++) {
    const each = Math.min(1, load(second) / count);
    count = scaler.decide(
      Array.from({ length: count }, () => each),
      second * 1000,
    );
    counts.push(count);
  }
  return counts;
}

test("more workers come within seconds, fewer after minutes", () => {
  const counts = simulate((second) => (second < 200 ? 2.5 : 0.1), 600, 8);
  const enough = counts.findIndex((count) => count >= 4);
  assert.ok(enough > 0 && enough <= 15, `enough after ${enough} s`);
  assert.equal(Math.min(...counts.slice(200, 255)), Math.max(...counts.slice(150, 200)), "nobody goes within a minute");
  assert.equal(counts.at(-1), 1);
});

test("a steady load leads to a steady number, whatever the load", () => {
  for (let load = 0.05; load < 8; load += 0.05) {
    const counts = simulate(() => load, 1500, 8);
    assert.equal(new Set(counts.slice(-300)).size, 1, `load ${load}: ${counts.slice(-300).join(" ")}`);
  }
});

test("nor does one that is never twice the same, by a fifth", () => {
  const random = seededRandom(12);
  for (let load = 0.1; load < 8; load += 0.1) {
    const counts = simulate(() => load * (0.9 + random() * 0.2), 2000, 8);
    const changes = counts.slice(500).filter((count, at, all) => at > 0 && count !== all[at - 1]).length;
    assert.equal(changes, 0, `load ${load}: ${counts.slice(-300).join(" ")}`);
  }
});

test("a load that swings does not make workers come and go with it", () => {
  const counts = simulate((second) => (second % 20 < 10 ? 2.4 : 0.8), 900, 8).slice(120);
  assert.equal(new Set(counts).size, 1);
});

test("never fewer than the least or more than the most", () => {
  const scaler = createScaler({ min: 2, max: 3 });
  assert.equal(scaler.decide([0], 0), 2);
  for (let second = 0; second < 10; second++) assert.ok(scaler.decide([1, 1, 1], second * 1000) <= 3);
  for (let second = 10; second < 300; second++) assert.ok(scaler.decide([0, 0], second * 1000) >= 2);
});
