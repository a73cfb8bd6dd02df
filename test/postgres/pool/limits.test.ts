import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Pool } from "../../../src/postgres/pool/index.ts";
import { queryRows, testDatabase } from "../../support/postgres.ts";
import { command, failureOf, scalar, testPool, until } from "./fixture.ts";

const SLEEPING =
  "select count(*)::int n from pg_stat_activity where query like '%pg_sleep%' and state = 'active' and pid <> pg_backend_pid() and datname = current_database()";

async function sleepers(url: string): Promise<unknown> {
  return (await queryRows(url, SLEEPING))[0]?.["n"];
}

describe("limits of waiting", () => {
  it("end a wait for a connection with HP_POOL_TIMEOUT, and the rest goes on", async (t) => {
    const { pool } = testPool(t, await testDatabase(t), { max: 1, maxPipelineDepth: 1, acquireTimeoutMs: 100 });
    await pool.start();
    const slow = scalar(pool, "select 'slow' from pg_sleep(1)");
    const errors = await Promise.all([failureOf(scalar(pool, "select 1")), failureOf(pool.acquire())]);
    assert.deepEqual(
      errors.map(({ code }) => code),
      ["HP_POOL_TIMEOUT", "HP_POOL_TIMEOUT"],
    );
    assert.equal(pool.stats().inFlight, 1, "they were told while the connection was still busy");
    assert.equal(pool.stats().acquireTimeouts, 2);
    assert.equal(await slow, "slow");
    assert.equal(await scalar(pool, "select 1"), "1");
  });

  it("refuse the latest caller when too many wait", async (t) => {
    const { pool } = testPool(t, await testDatabase(t), { max: 1, maxPipelineDepth: 1, maxWaiting: 2 });
    await pool.start();
    const all = ["1", "2", "3", "4"].map((value) => scalar(pool, "select $1::text from pg_sleep(0.1)", value));
    const outcomes = await Promise.allSettled(all);
    assert.deepEqual(
      outcomes.map((outcome) => (outcome.status === "fulfilled" ? outcome.value : outcome.reason.code)),
      ["1", "2", "3", "HP_POOL_TIMEOUT"],
    );
  });

  it("let the server's statement_timeout end a statement", async (t) => {
    const { pool } = testPool(t, await testDatabase(t), { statementTimeoutMs: 50 });
    assert.equal((await failureOf(scalar(pool, "select pg_sleep(5)"))).code, "57014");
    assert.equal(await scalar(pool, "show statement_timeout"), "50ms");
  });
});

describe("a caller who leaves", () => {
  it("before sending takes the call away", async (t) => {
    const url = await testDatabase(t, { sql: "create table written (id int)" });
    const { pool } = testPool(t, url, { max: 1, maxPipelineDepth: 1 });
    const slow = pool.run([command("select pg_sleep(0.1)")]);
    const controller = new AbortController();
    const write = pool.run([command("insert into written values (1)")], { signal: controller.signal });
    setImmediate(() => controller.abort(new Error("left")));
    assert.equal((await failureOf(write)).message, "left");
    await slow;
    assert.equal(await scalar(pool, "select count(*) from written"), "0");
    assert.equal(
      await failureOf(pool.run([command("select 1")], { signal: AbortSignal.abort("early") })).catch(String),
      "early",
    );
  });

  it("has a running statement cancelled in the server, and nobody else's", async (t) => {
    const url = await testDatabase(t);
    const { pool } = testPool(t, url, { max: 1 });
    const controller = new AbortController();
    const left = pool.run([command("select pg_sleep(30)")], { signal: controller.signal });
    await until(async () => (await sleepers(url)) === 1, "the statement runs");
    controller.abort(new Error("left"));
    const next = scalar(pool, "select 'mine' from pg_sleep(0.05)");
    assert.equal((await failureOf(left)).message, "left");
    assert.equal(await next, "mine");
    assert.equal(pool.stats().cancelled, 1);
    assert.equal(pool.stats().opened, 1);
  });

  it("does not disturb those behind in the pipeline", async (t) => {
    const url = await testDatabase(t);
    const { pool } = testPool(t, url, { max: 1 });
    await pool.start();
    const controller = new AbortController();
    const left = pool.run([command("select pg_sleep(1)")], { signal: controller.signal });
    const behind = scalar(pool, "select 'behind'");
    await until(async () => (await sleepers(url)) === 1, "the statement runs");
    controller.abort(new Error("left"));
    assert.equal((await failureOf(left)).message, "left");
    assert.equal(await behind, "behind");
    assert.equal(pool.stats().cancelled, 0);
  });

  /** With two connections most have somebody behind them and are not cancelled; with one each, all are. */
  for (const max of [2, 8]) {
    it(`many at once never cost a neighbour its answer, on ${max} connections`, async (t) => {
      const { pool } = testPool(t, await testDatabase(t), { max });
      await leaveAtRandom(pool);
      if (max === 8) assert.ok(pool.stats().cancelled > 0);
      assert.equal(pool.stats().connectionsLost, 0);
    });
  }

  it("without saying so is given HP_DEADLINE when a limit was set", async (t) => {
    const { pool } = testPool(t, await testDatabase(t), { max: 1 });
    const error = await failureOf(pool.run([command("select pg_sleep(30)")], { timeoutMs: 50 }));
    assert.equal(error.code, "HP_DEADLINE");
    assert.equal(await scalar(pool, "select 1"), "1");
  });
});

/** Eight callers: half of their calls are left after a few milliseconds, the others must get their own answer. */
async function leaveAtRandom(pool: Pool): Promise<void> {
  let stayed = 0;
  const callers = Array.from({ length: 8 }, async (_, caller) => {
    for (let round = 0; round < 25; round++) {
      const value = `${caller}/${round}`;
      if ((caller + round) % 2 === 0) {
        const gone = AbortSignal.timeout(1 + (round % 20));
        // On a busy machine some are over before they are left.
        await pool.run([command("select pg_sleep(0.03)")], { signal: gone }).catch((reason: unknown) => {
          assert.equal(reason, gone.reason);
        });
      } else {
        assert.equal(await scalar(pool, "select $1::text from pg_sleep(0.001)", value), value);
        stayed++;
      }
    }
  });
  await Promise.all(callers);
  assert.equal(stayed, 100);
}
