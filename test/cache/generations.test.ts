import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Generations } from "../../src/cache/generations.ts";
import { createPurgeLog } from "../../src/cache/purge-log.ts";

test("the last names are known, others are told of when they are forgotten, and the bound holds", () => {
  const forgotten: number[] = [];
  const names = new Generations<number>(10, (values) => forgotten.push(...values));
  for (let n = 0; n < 1000; n++) {
    names.set(`name ${n}`, n);
    for (let back = 0; back < Math.min(10, n); back++) assert.equal(names.get(`name ${n - back}`), n - back);
    assert.equal(names.get("name 0"), n < 20 ? 0 : undefined);
  }
  assert.deepEqual(
    forgotten,
    Array.from({ length: 980 }, (_, n) => n),
  );
});

test("names that come again and again take no more room", () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const log = createPurgeLog();
  const purge = (n: number): void => log.record({ kind: "tags", tags: [`tag ${n % 1000}`] }, n);
  for (let n = 0; n < 10_000; n++) purge(n);
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let n = 0; n < 1_000_000; n++) purge(n);
  collect();
  const grown = process.memoryUsage().heapUsed - before;
  assert.ok(grown < 5_000_000, `${grown} bytes for a million purges of a thousand tags`);
  assert.equal(log.isPurged("key", ["tag 1"], 1e6 - 1000), true);
  assert.equal(log.isPurged("key", ["tag 1"], 1e6), false);
});
