import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { createBaselines } from "../../src/overload/baselines.ts";
import { kindOf } from "../../src/overload/kind.ts";
import { type Outcome, quantile, type SimulatedKind, simulate } from "./simulation.ts";

const WARM_SECONDS = 4;
const RAMP_SECONDS = 4;
const SECONDS = 10;

/** Little load, the load, then the load once more, when the limit has been found: what becomes of that. */
function settled(
  workers: number,
  kindsAt: (load: number) => readonly SimulatedKind[],
  load: number,
  options: { readonly delayMs: number; readonly seed: number },
): Outcome {
  const [, , loaded] = simulate(
    [
      { seconds: WARM_SECONDS, workers, kinds: kindsAt(0.1) },
      { seconds: RAMP_SECONDS, workers, kinds: kindsAt(load) },
      { seconds: SECONDS, workers, kinds: kindsAt(load) },
    ],
    options,
  );
  return loaded!;
}

function latencies({ served }: Outcome): number[] {
  return served.map(({ latencyMs }) => latencyMs);
}

function refusals({ refused }: Outcome): number {
  return refused.late + refused.crowded;
}

const sources = fc.record({
  workers: fc.integer({ min: 1, max: 12 }),
  serviceMs: fc.integer({ min: 2, max: 40 }),
  seed: fc.integer({ min: 1, max: 1_000_000 }),
});

describe("the limit of a source that is asked more than it can", () => {
  it("keeps it busy, and its replies in time, whatever it is like", () => {
    const loads = fc.double({ min: 1.5, max: 5, noNaN: true });
    const delays = fc.integer({ min: 20, max: 100 });
    fc.assert(
      fc.property(sources, loads, delays, ({ workers, serviceMs, seed }, load, delayMs) => {
        const capacity = (workers * 1000) / serviceMs;
        const kindsAt = (share: number): SimulatedKind[] => [{ name: "a", serviceMs, perSecond: capacity * share }];
        const loaded = settled(workers, kindsAt, load, { delayMs, seed });
        const goodput = loaded.served.length / SECONDS / capacity;
        // At worst 0.9, 1.2 and 1.3 times in 600 runs.
        assert.ok(goodput > 0.8, `${goodput} of the capacity`);
        const median = quantile(latencies(loaded), 0.5) / (1.5 * serviceMs + 2 * delayMs);
        assert.ok(median < 1.6, `the median is ${median} times what is allowed`);
        const slowest = quantile(latencies(loaded), 0.99) / (4 * serviceMs + 3 * delayMs);
        assert.ok(slowest < 2, `p99 is ${slowest} times what is to be expected`);
      }),
      { numRuns: 40 },
    );
  });

  it("refuses nearly nothing of what can be answered", () => {
    const loads = fc.double({ min: 0.1, max: 0.7, noNaN: true });
    fc.assert(
      fc.property(sources, loads, ({ workers, serviceMs, seed }, load) => {
        const capacity = (workers * 1000) / serviceMs;
        const kindsAt = (share: number): SimulatedKind[] => [{ name: "a", serviceMs, perSecond: capacity * share }];
        const loaded = settled(workers, kindsAt, load, { delayMs: 100, seed });
        assert.ok(refusals(loaded) <= loaded.offered / 10, `${refusals(loaded)} of ${loaded.offered}`);
      }),
      { numRuns: 40 },
    );
  });

  it("is found when the server starts into the load", () => {
    const kinds = [{ name: "a", serviceMs: 2, perSecond: 1500 }];
    const [, outcome] = simulate(
      [
        { seconds: RAMP_SECONDS, workers: 1, kinds },
        { seconds: SECONDS, workers: 1, kinds },
      ],
      { delayMs: 20 },
    );
    assert.ok(outcome!.served.length > SECONDS * 500 * 0.85, String(outcome!.served.length));
    assert.ok(quantile(latencies(outcome!), 0.99) < 80);
  });

  it("grows again with what the source can", () => {
    const kinds = [{ name: "a", serviceMs: 10, perSecond: 1000 }];
    const [, small, , large] = simulate(
      [
        { seconds: 2, workers: 1, kinds: [{ ...kinds[0]!, perSecond: 10 }] },
        { seconds: 5, workers: 1, kinds },
        { seconds: 5, workers: 20, kinds },
        { seconds: 5, workers: 20, kinds },
      ],
      { delayMs: 20 },
    );
    assert.ok(small!.limit < 10, String(small!.limit));
    assert.ok(large!.limit > small!.limit, String(large!.limit));
    assert.ok(refusals(large!) < large!.offered / 20, `${refusals(large!)} of ${large!.offered}`);
  });

  it("does not take slow requests in place of quick ones for load", () => {
    const workers = 1000;
    const [, mixed, slow] = simulate(
      [
        { seconds: 4, workers, kinds: [{ name: "quick", serviceMs: 2, perSecond: 50 }, slowAt(1)] },
        { seconds: 4, workers, kinds: [{ name: "quick", serviceMs: 2, perSecond: 50 }, slowAt(60)] },
        { seconds: 10, workers, kinds: [slowAt(90)] },
      ],
      { delayMs: 100 },
    );
    assert.equal(refusals(mixed!) + refusals(slow!), 0);
    assert.ok(slow!.limit >= 100, String(slow!.limit));
  });

  it("comes down to its least where nothing else is known, and from there learns anew", () => {
    const [, , , last] = simulate(
      [
        { seconds: 3, workers: 200, kinds: [{ name: "a", serviceMs: 5, perSecond: 100 }] },
        // What is far slower from now on looks like load at first.
        { seconds: 30, workers: 200, kinds: [{ name: "a", serviceMs: 400, perSecond: 100 }] },
        { seconds: 60, workers: 200, kinds: [{ name: "a", serviceMs: 400, perSecond: 100 }] },
        { seconds: 10, workers: 200, kinds: [{ name: "a", serviceMs: 400, perSecond: 100 }] },
      ],
      { delayMs: 100 },
    );
    assert.ok(refusals(last!) < last!.offered / 20, `${refusals(last!)} of ${last!.offered}`);
  });
});

function slowAt(perSecond: number): SimulatedKind {
  return { name: "slow", serviceMs: 1000, perSecond };
}

describe("what requests take without load", () => {
  it("is a mean by kind, once it has been seen what the load was without", () => {
    const baselines = createBaselines();
    assert.equal(baselines.learn("a", 100, false), 100);
    assert.equal(baselines.learn("a", 200, false), 150);
    assert.equal(baselines.learn("a", 10, true), 10);
    assert.equal(baselines.learn("a", 500, false), 10, "load tells nothing any more");
    assert.equal(baselines.learn("a", 20, true), 15);
    assert.equal(baselines.learn("b", 7, true), 7);
  });

  it("is kept for the kinds that were asked for last", () => {
    const baselines = createBaselines(10);
    baselines.learn("kept", 5, true);
    for (let at = 0; at < 100; at++) {
      baselines.learn(`other ${at}`, 50, true);
      assert.equal(baselines.learn("kept", 5, true), 5);
    }
    assert.equal(baselines.learn("other 0", 1, true), 1, "forgotten");
  });

  it("has kinds that tell what is asked for, not of which row", () => {
    assert.equal(kindOf("GET", "/users", "/users", "id=eq.1&limit=5"), "GET /users&id&limit");
    assert.equal(kindOf("GET", "/users", "/users", "id=eq.2&select=id,name"), "GET /users&id&select=id,name");
    assert.equal(kindOf("GET", undefined, "/users/17/orders", ""), "GET /users/*/orders");
    assert.notEqual(kindOf("POST", "/users", "/users", ""), kindOf("GET", "/users", "/users", ""));
    assert.ok(kindOf("GET", undefined, `/${"a".repeat(9999)}`, `${"b".repeat(9999)}=1`).length < 500);
  });
});
