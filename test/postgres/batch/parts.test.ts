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

/** A limit that has seen statements of this size, each read of which took so long. */
function seen(most: number, size: number, eachMs: number, times = 10): BatchLimit {
  const limit = new BatchLimit(most);
  for (let round = 0; round < times; round++) limit.measured(size, eachMs * size);
  return limit;
}

describe("how many reads share a statement", () => {
  it("is one until enough is known of them", () => {
    assert.equal(seen(64, 1, 0.01, 3).sizeAt(0), 1);
    assert.equal(seen(64, 1, 0.01).sizeAt(0), 64);
  });

  it("is as many as are quick together, and no more than the settings allow", () => {
    assert.equal(seen(64, 1, 0.1).sizeAt(0), 20);
    assert.equal(seen(5, 1, 0.1).sizeAt(0), 5);
    assert.equal(seen(64, 1, 30).sizeAt(0), 1);
  });

  it("grows where most of the time is the way to the server", () => {
    const limit = seen(64, 1, 1);
    for (let round = 0; round < 10; round++) limit.measured(limit.sizeAt(0), 1 + limit.sizeAt(0) * 0.008);
    assert.equal(limit.sizeAt(0), 64);
  });

  it("stays while a busy machine makes everything slow, and falls when that does not end", () => {
    const limit = seen(64, 1, 0.1);
    for (let round = 0; round < 20; round++) limit.measured(16, 100);
    assert.ok(limit.sizeAt(0) > 16);
    for (let round = 0; round < 10_000; round++) limit.measured(16, 100);
    assert.equal(limit.sizeAt(0), 1);
  });

  it("is one for a while after trouble, longer each time, and forgiven in the end", () => {
    const limit = seen(64, 1, 0.1);
    const pauseAt = (now: number): number => {
      limit.troubled(now);
      let until = now;
      while (limit.sizeAt(until) === 1) until++;
      return until - now;
    };
    const [first, second, third] = [pauseAt(0), pauseAt(1000), pauseAt(2000)];
    assert.deepEqual([second, third], [2 * first, 4 * first]);
    for (let round = 0; round < 1000; round++) limit.measured(1, 0.1);
    assert.equal(pauseAt(10_000), first);
  });
});
