import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { BatchShape } from "../../../src/postgres/batch/shape.ts";
import { type CommandResult, createStatement, type Pool, type RunOptions } from "../../../src/postgres/pool/index.ts";
import { testDatabase } from "../../support/postgres.ts";
import { command, failureOf, scalar, testPool, until } from "../pool/fixture.ts";

/** Answers the value and takes so many milliseconds. */
const ALONE = createStatement("select $1::text, pg_sleep($1::float8 / 1000)::text");
const INNER = 'select "hp.batch".v1, pg_sleep("hp.batch".v1::float8 / 1000)::text';

/** A pool whose reads of `ALONE` share statements, once they are known. */
async function sharingPool(t: TestContext, settings: Parameters<typeof testPool>[2] = {}) {
  const shared: number[] = [];
  const splits: string[] = [];
  const { pool } = testPool(
    t,
    await testDatabase(t),
    { max: 2, maxPipelineDepth: 1, ...settings },
    {
      shared: (_calls, distinct) => shared.push(distinct),
      split: (reason) => splits.push(reason),
    },
  );
  const shape = new BatchShape({
    template: { inner: INNER, constants: [], varying: [0], catalogVersion: "" },
    private: [],
    most: 64,
  });
  const read = (value: string, options: RunOptions = {}) =>
    pool
      .run([{ statement: ALONE, values: [value] }], { batch: shape, ...options })
      .then(([result]) => result?.rows[0]?.[0]);
  await pool.start();
  for (let warm = 0; warm < 10; warm++) await read(String(warm / 1e6));
  // The first that wait together make the pool ask for the types.
  const haveShared = async (): Promise<boolean> => {
    await Promise.all(["0.1", "0.2", "0.3", "0.4", "0.5", "0.6"].map((value) => read(value)));
    return shared.some((distinct) => distinct > 2);
  };
  // On a busy machine few tries fit into the time that other waits are given.
  await until(haveShared, "reads share a statement", 60_000);
  shared.length = 0;
  return { pool, read, shape, shared, splits };
}

describe("reads that share a statement", () => {
  it("each get their own answer, and equal ones the same", async (t) => {
    const { pool, read, shared } = await sharingPool(t);
    const calls = pool.stats().calls;
    const values = Array.from({ length: 60 }, (_, index) => `0.00${index % 30}`);
    assert.deepEqual(await Promise.all(values.map((value) => read(value))), values);
    assert.ok(shared.length > 0 && shared.length < 40, String(shared));
    assert.equal(pool.stats().calls - calls, 60);
  });

  it("do not fail for one of them", async (t) => {
    const { read, splits } = await sharingPool(t);
    const others = ["0.1", "0.2", "0.3", "0.4"];
    // Now and then a read goes alone, to see how long that takes.
    for (let attempt = 0; attempt < 2 && splits.length === 0; attempt++) {
      const bad = failureOf(read("no number"));
      assert.deepEqual(await Promise.all(others.map((value) => read(value))), others);
      assert.equal((await bad).code, "22P02");
    }
    assert.deepEqual(splits, ["failed"]);
  });

  it("are not held up by one of them", async (t) => {
    const { read, splits } = await sharingPool(t);
    const others = ["0.1", "0.2", "0.3", "0.4"];
    for (let attempt = 0; attempt < 2 && splits.length === 0; attempt++) {
      const answered: string[] = [];
      const note = (value: string | null | undefined) => answered.push(String(value));
      const slow = read("3000").then(note);
      await Promise.all([...others.map((value) => read(value).then(note)), slow]);
      assert.deepEqual(new Set(answered.slice(0, -1)), new Set(others));
      assert.equal(answered.at(-1), "3000");
    }
    assert.deepEqual(splits, ["held"]);
  });

  it("are each given the statement timeout", async (t) => {
    const { read } = await sharingPool(t, { statementTimeoutMs: 1000 });
    const slow = failureOf(read("20000"));
    const others = ["0.1", "0.2", "0.3", "0.4"];
    assert.deepEqual(await Promise.all(others.map((value) => read(value))), others);
    assert.equal((await slow).code, "57014");
  });

  it("may be left by some, and are cancelled when all have left", async (t) => {
    const { pool, read } = await sharingPool(t);
    const leaving = Array.from({ length: 3 }, () => new AbortController());
    const reads = leaving.map(({ signal }) => failureOf(read("30000", { signal })));
    await until(async () => (await running(pool)) === 1, "they run as one statement");
    const [first, ...others] = leaving;
    first?.abort();
    await reads[0];
    assert.equal(await running(pool), 1);
    for (const controller of others) controller.abort();
    await Promise.all(reads);
    await until(async () => (await running(pool)) === 0, "the statement was cancelled");
    assert.equal(pool.stats().cancelled, 1);
  });

  it("learn with what error their connection was lost", async (t) => {
    const { pool, read } = await sharingPool(t);
    const reads = Array.from({ length: 3 }, () => failureOf(read("30000")));
    await until(async () => (await running(pool)) === 1, "they run as one statement");
    await scalar(
      pool,
      `select pg_terminate_backend(pid)::text from pg_stat_activity where datname = current_database() and query = $1 and state = 'active'`,
      ALONE.text,
    );
    for (const error of await Promise.all(reads)) assert.equal(error.code, "HP_DATABASE_UNREACHABLE");
    assert.equal(await read("0.5"), "0.5");
  });
});

describe("identities", () => {
  it("never share a statement", async (t) => {
    const shared: number[] = [];
    const { pool } = testPool(
      t,
      await testDatabase(t),
      { max: 1, maxPipelineDepth: 1 },
      {
        shared: (_calls, distinct) => shared.push(distinct),
        split: () => undefined,
      },
    );
    const shape = new BatchShape({
      template: {
        inner: `select "hp.batch".v1, current_setting('my.tenant', true)`,
        constants: [],
        varying: [0],
        catalogVersion: "",
      },
      private: [],
      most: 64,
    });
    const statement = createStatement("select $1::text, current_setting('my.tenant', true)");
    const read = (tenant: string, value: string): Promise<readonly CommandResult[]> =>
      pool.run([command("select set_config('my.tenant', $1, true)", tenant), { statement, values: [value] }], {
        batch: shape,
        identity: tenant,
      });
    for (let round = 0; round < 12; round++) {
      const asked = Array.from({ length: 24 }, (_, index) => [`tenant ${index % 3}`, `value ${index % 5}`] as const);
      const answers = await Promise.all(asked.map(([tenant, value]) => read(tenant, value)));
      for (const [index, [opening, own]] of answers.entries()) {
        const [tenant, value] = asked[index]!;
        assert.deepEqual(opening?.rows, [[tenant]]);
        assert.deepEqual(own?.rows[0]?.slice(0, 2), [value, tenant]);
      }
    }
    assert.ok(
      shared.some((distinct) => distinct > 1),
      "statements were shared within each",
    );
  });
});

async function running(pool: Pool): Promise<number> {
  const count =
    "select count(*)::text from pg_stat_activity where datname = current_database() and query = $1 and state = 'active'";
  return Number(await scalar(pool, count, ALONE.text));
}
