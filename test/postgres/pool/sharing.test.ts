import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import type { Command } from "../../../src/postgres/pool/index.ts";
import { testDatabase } from "../../support/postgres.ts";
import { command, failureOf, scalar, testPool, unprepared } from "./fixture.ts";

/** A command and what it must answer; a failing one names its code. */
interface Case {
  readonly command: Command;
  readonly rows?: readonly (readonly (string | null)[])[];
  readonly tag?: string;
  readonly code?: string;
}

const text = fc.option(fc.string({ unit: "binary" }).map((value) => value.replaceAll("\0", "")));

const anyCase: fc.Arbitrary<Case> = fc.oneof(
  text.map((value) => ({ command: command("select $1::text", value), rows: [[value]], tag: "SELECT 1" })),
  text.map((value) => ({ command: unprepared("select $1::text, 'x'", value), rows: [[value, "x"]], tag: "SELECT 1" })),
  fc.tuple(text, fc.nat(40)).map(([value, shape]) => ({
    command: command(`select $1::text, ${shape}`, value),
    rows: [[value, String(shape)]],
    tag: "SELECT 1",
  })),
  fc.nat(300).map((count) => ({
    command: command("select g from generate_series(1, $1::int) g", String(count)),
    rows: Array.from({ length: count }, (_, index) => [String(index + 1)]),
    tag: `SELECT ${count}`,
  })),
  fc.constant({ command: command(""), rows: [], tag: "" }),
  fc.constant({ command: command("select 1 / $1::int", "0"), code: "22012" }),
  fc.constant({ command: command("select $1::int", "no number"), code: "22P02" }),
  fc.nat(5).map((shape) => ({ command: command(`select missing_${shape}`), code: "42703" })),
  fc.constant({ command: unprepared("selec"), code: "42601" }),
  fc.constant({ command: command("select $1::text", "a\0b"), code: "22021" }),
);

function insert(id: number): Command {
  return command("insert into written values ($1)", String(id));
}

describe("calls that share connections", () => {
  it("each get their own answers, whatever fails around them", async (t) => {
    const url = await testDatabase(t);
    const pools = [
      testPool(t, url, { max: 2, maxPipelineDepth: 8, maxPreparedPerConnection: 10 }).pool,
      testPool(t, url, { max: 1, maxPipelineDepth: 64, maxPreparedPerConnection: 1 }).pool,
      testPool(t, url, { max: 3, maxPipelineDepth: 1 }).pool,
      testPool(t, url, { max: 2, maxPipelineDepth: 8, preparedStatements: false }).pool,
    ];
    const calls = fc.array(fc.array(anyCase, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...pools), calls, async (pool, all) => {
        await Promise.all(
          all.map(async (cases) => {
            const answer = pool.run(cases.map((one) => one.command));
            const failing = cases.find(({ code }) => code !== undefined);
            if (failing === undefined) {
              const expected = cases.map(({ rows, tag }) => ({ rows, tag }));
              assert.deepEqual(await answer, expected);
            } else {
              assert.equal((await failureOf(answer)).code, failing.code);
            }
          }),
        );
      }),
      { numRuns: 60 },
    );
    for (const pool of pools) assert.equal(pool.stats().connectionsLost, 0);
  });

  it("are one transaction each: what a failing one wrote is gone, what its neighbours wrote stays", async (t) => {
    const url = await testDatabase(t, { sql: "create table written (id int primary key)" });
    const { pool } = testPool(t, url, { max: 1 });
    const outcomes = await Promise.allSettled([
      pool.run([insert(1), insert(2)]),
      pool.run([insert(3), insert(4), insert(3)]),
      pool.run([insert(5)]),
    ]);
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ["fulfilled", "rejected", "fulfilled"],
    );
    assert.equal(await scalar(pool, "select string_agg(id::text, ',' order by id) from written"), "1,2,5");
  });

  it("keep settings of one transaction from the next", async (t) => {
    const { pool } = testPool(t, await testDatabase(t), { max: 1 });
    const setting = command("select set_config('my.tenant', $1, true)", "a");
    const read = command("select current_setting('my.tenant', true)");
    const [inside, outside] = await Promise.all([pool.run([setting, read]), pool.run([read])]);
    assert.equal(inside[1]?.rows[0]?.[0], "a");
    assert.equal(outside[0]?.rows[0]?.[0], "");
  });

  it("surface an error of a constraint checked at commit, with the server's fields", async (t) => {
    const url = await testDatabase(t, {
      sql: "create table t (id int primary key deferrable initially deferred)",
    });
    const { pool } = testPool(t, url);
    const error = await failureOf(pool.run([command("insert into t values (1), (1)")]));
    assert.equal(error.code, "23505");
    assert.equal(error.constraint, "t_pkey");
    assert.equal(error.detail, "Key (id)=(1) already exists.");
    assert.equal(error.name, "error");
  });

  it("may not control transactions or copy, which would reach into strangers' calls", async (t) => {
    const { pool } = testPool(t, await testDatabase(t));
    for (const sql of [
      "begin",
      " /* a */ -- b\n COMMIT",
      "rollback",
      "start transaction",
      "savepoint a",
      "copy t from stdin",
    ]) {
      const error = await failureOf(pool.run([command(sql)]));
      assert.equal(error.code, "HP_INTERNAL", sql);
    }
    assert.equal(pool.stats().opened, 0);
  });

  it("are not queued behind a statement that runs for long when another connection moves on", async (t) => {
    const { pool } = testPool(t, await testDatabase(t), { max: 2 });
    await pool.start();
    const slow = pool.run([command("select pg_sleep(0.6)")]);
    let answered = 0;
    const end = performance.now() + 200;
    while (performance.now() < end) {
      await Promise.all([scalar(pool, "select 1"), scalar(pool, "select 2")]);
      answered += 2;
    }
    assert.ok(answered > 10, `only ${answered} calls were answered beside a slow one`);
    await slow;
  });
});
