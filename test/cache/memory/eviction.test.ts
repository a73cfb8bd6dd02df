import assert from "node:assert/strict";
import test from "node:test";
import { Lru } from "../../../bench/eviction/lru.ts";
import { Sieve } from "../../../bench/eviction/sieve.ts";
import { hitRatio } from "../../../bench/eviction/simulate.ts";
import { generateTrace } from "../../../bench/eviction/traces.ts";
import { GhostTable } from "../../../src/cache/memory/ghosts.ts";
import { S3Fifo } from "../../../src/cache/memory/s3-fifo.ts";

const REQUESTS = 100_000;
const OBJECTS = 10_000;

for (const alpha of [0.7, 1, 1.2]) {
  for (const scanShare of [0, 0.3]) {
    test(`Zipf ${alpha} with ${scanShare * 100} % scans: S3-FIFO hits more than LRU and no less than SIEVE`, () => {
      const trace = generateTrace({ requests: REQUESTS, objects: OBJECTS, alpha, scanShare });
      for (const maxObjects of [200, 1000]) {
        const s3Fifo = hitRatio(new S3Fifo(maxObjects), trace, maxObjects);
        assert.ok(s3Fifo > hitRatio(new Lru(), trace, maxObjects) + 0.005, "LRU");
        assert.ok(s3Fifo > hitRatio(new Sieve(), trace, maxObjects) - 0.005, "SIEVE");
      }
    });
  }
}

test("a loop somewhat larger than the cache, which LRU never hits, is hit by what stays", () => {
  const trace = generateTrace({
    requests: REQUESTS,
    objects: OBJECTS,
    alpha: 1,
    loopObjects: 1500,
    loopShare: 0.5,
  });
  assert.ok(hitRatio(new S3Fifo(1000), trace, 1000) > 1.15 * hitRatio(new Lru(), trace, 1000));
});

test("ghosts are remembered for as long as they reach, across growth, and once", () => {
  const ghosts = new GhostTable();
  for (let at = 0; at < 300; at++) ghosts.add(`key ${at}`);
  ghosts.reserve(10_000);
  const remembered = Array.from({ length: 300 }, (_, at) => ghosts.take(`key ${at}`, 100));
  assert.ok(remembered.slice(0, 190).every((is) => !is));
  assert.ok(remembered.slice(210).filter(Boolean).length > 75, "few are displaced");
  assert.equal(ghosts.take("key 299", 100), false);
  assert.equal(ghosts.take("never", 100), false);
});
