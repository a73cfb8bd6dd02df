import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { queryRows, testDatabase } from "../../support/postgres.ts";
import { command, failureOf, scalar, testPool, until } from "./fixture.ts";

async function backends(url: string): Promise<number[]> {
  const rows = await queryRows(
    url,
    "select pid from pg_stat_activity where application_name = 'hotpath' and datname = current_database() order by pid",
  );
  return rows.map((row) => Number(row["pid"]));
}

describe("upkeep of the pool", () => {
  it("has the idle minimum connected when start resolves", async (t) => {
    const url = await testDatabase(t);
    const { pool } = testPool(t, url, { minIdle: 3 });
    await pool.start();
    assert.equal((await backends(url)).length, 3);
    assert.deepEqual([pool.stats().total, pool.stats().idle, pool.stats().busy], [3, 3, 0]);
    assert.ok(pool.isReachable());
  });

  it("replaces idle connections that die", async (t) => {
    const url = await testDatabase(t);
    const { pool } = testPool(t, url, { minIdle: 2 });
    await pool.start();
    const before = await backends(url);
    await queryRows(url, "select pg_terminate_backend(pid) from unnest($1::int[]) pid", [before]);
    await until(() => pool.stats().idle === 2 && pool.stats().opened === 4, "two new connections are idle");
    assert.equal(await scalar(pool, "select 1"), "1");
  });

  it("keeps as many idle while others are busy, up to the maximum", async (t) => {
    const { pool } = testPool(t, await testDatabase(t), { minIdle: 1, max: 3 });
    await pool.start();
    const sessions = [await pool.acquire(), await pool.acquire()];
    await until(() => pool.stats().idle === 1, "one is idle beside two in use");
    assert.equal(pool.stats().total, 3);
    for (const session of sessions) session.release();
  });

  it("ends surplus connections after the idle timeout, down to the minimum", async (t) => {
    const { pool } = testPool(t, await testDatabase(t), { minIdle: 1, max: 4, idleTimeoutMs: 60 });
    const sessions = await Promise.all(Array.from({ length: 4 }, () => pool.acquire()));
    assert.equal(pool.stats().total, 4);
    for (const session of sessions) session.release();
    await until(() => pool.stats().total === 1, "one is left");
    assert.equal(await scalar(pool, "select 1"), "1");
  });

  it("replaces connections at the end of their life, but never one in use", async (t) => {
    const url = await testDatabase(t);
    const { pool } = testPool(t, url, { minIdle: 2, max: 3, maxLifetimeMs: 150, maxLifetimeJitterMs: 100 });
    await pool.start();
    const first = await backends(url);
    assert.equal(await scalar(pool, "select 'survived' from pg_sleep(0.5)"), "survived");
    await until(async () => (await backends(url)).every((pid) => !first.includes(pid)), "all are new");
    await until(() => pool.stats().idle >= 2, "two are warm again");
    assert.equal(pool.stats().connectionsLost, 0);
  });

  it("loses no call while connections come and go under load", async (t) => {
    const { pool } = testPool(t, await testDatabase(t), {
      minIdle: 1,
      max: 3,
      maxLifetimeMs: 40,
      maxLifetimeJitterMs: 30,
    });
    const end = performance.now() + 600;
    const callers = Array.from({ length: 6 }, async (_, caller) => {
      for (let round = 0; performance.now() < end; round++) {
        assert.equal(await scalar(pool, "select $1::text", `${caller}/${round}`), `${caller}/${round}`);
      }
    });
    await Promise.all(callers);
    assert.ok(pool.stats().closed >= 3);
    assert.equal(pool.stats().errors, 0);
  });

  it("warns of a session that is held for long, once, and says who acquired it", async (t) => {
    const { pool, lines } = testPool(t, await testDatabase(t), { leakWarningMs: 40 });
    const session = await acquireHere();
    await until(() => pool.stats().leakWarnings === 1, "the warning is logged");
    const warnings = lines.filter(({ message }) => message.includes("released"));
    assert.equal(warnings.length, 1);
    assert.match(String(warnings[0]?.details["acquired"]), /acquireHere/);
    session.release();

    function acquireHere(): ReturnType<typeof pool.acquire> {
      return pool.acquire();
    }
  });

  it("lets accepted calls finish when it closes, refuses new ones, and leaves nothing", async (t) => {
    const url = await testDatabase(t);
    const { pool } = testPool(t, url, { max: 1, maxPipelineDepth: 2, minIdle: 1 });
    await pool.start();
    const accepted = ["1", "2", "3", "4"].map((value) => scalar(pool, "select $1::text from pg_sleep(0.03)", value));
    const session = await pool.acquire();
    const closed = pool.close();
    assert.equal((await failureOf(pool.run([command("select 1")]))).code, "HP_UNAVAILABLE");
    assert.equal((await failureOf(pool.acquire())).code, "HP_UNAVAILABLE");
    assert.deepEqual(await Promise.all(accepted), ["1", "2", "3", "4"]);
    assert.equal(await scalar(session, "select 'held'"), "held");
    session.release();
    await closed;
    assert.equal(pool.stats().total, 0);
    await until(async () => (await backends(url)).length === 0, "the server has no connection of ours");
    await pool.close();
  });
});
