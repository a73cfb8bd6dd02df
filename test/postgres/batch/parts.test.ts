import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { BatchLimit } from "../../../src/postgres/batch/limit.ts";
import { arrayText } from "../../../src/postgres/batch/values.ts";
import { testDatabase } from "../../support/postgres.ts";
import { command, testPool } from "../pool/fixture.ts";
import { NASTY_TEXTS } from "../query/random-reads.ts";

describe("a list of values", () => {
  it("is what PostgreSQL takes apart again", async (t) => {
    const { pool } = testPool(t, await testDatabase(t));
    const text = fc.oneof(
      fc.constantFrom(...NASTY_TEXTS, "NULL", "null", "\\", '"', "a\\\\"),
      fc.string({ unit: "binary" }).map((value) => value.replaceAll("\0", "")),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.option(text), { maxLength: 8 }), async (values) => {
        const [result] = await pool.run([command("select unnest($1::text[])", arrayText(values))]);
        assert.deepEqual(
          result?.rows.map(([value]) => value),
          values.map((value) => value?.toWellFormed() ?? null),
        );
      }),
    );
  });
});

/** The next size that is no sample of one. */
function sizeOf(limit: BatchLimit, now = 0): number {
  return Math.max(limit.next(now), limit.next(now));
}

describe("how many reads share a statement", () => {
  it("grows while that is as quick as one of them", () => {
    const limit = new BatchLimit(64);
    for (let round = 0; round < 10; round++) limit.succeeded(sizeOf(limit), 1, 0.8);
    assert.equal(sizeOf(limit), 64);
  });

  it("shrinks to a few where each takes its time", () => {
    const limit = new BatchLimit(64);
    for (let round = 0; round < 10; round++) limit.succeeded(sizeOf(limit), 30 * sizeOf(limit), 30);
    assert.equal(sizeOf(limit), 2);
  });

  it("does not grow where so many never come", () => {
    const limit = new BatchLimit(64);
    const before = sizeOf(limit);
    for (let round = 0; round < 10; round++) limit.succeeded(2, 0.1, 0.1);
    assert.equal(sizeOf(limit), before);
  });

  it("is one for a while after trouble, longer each time, and forgiven in the end", () => {
    const limit = new BatchLimit(64);
    const pauseAt = (now: number): number => {
      limit.troubled(now);
      let until = now;
      while (sizeOf(limit, until) === 1) until++;
      return until - now;
    };
    const [first, second, third] = [pauseAt(0), pauseAt(1000), pauseAt(2000)];
    assert.deepEqual([second, third], [2 * first, 4 * first]);
    for (let round = 0; round < 1000; round++) limit.succeeded(2, 0.1, 0.1);
    assert.equal(pauseAt(10_000), first);
  });

  it("never passes what the settings allow", () => {
    const limit = new BatchLimit(5);
    for (let round = 0; round < 10; round++) limit.succeeded(sizeOf(limit), 0, 0);
    assert.equal(sizeOf(limit), 5);
  });
});
