import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { testDatabase } from "../../support/postgres.ts";
import { command, failureOf, scalar, testPool, unprepared } from "./fixture.ts";

describe("a session", () => {
  it("keeps an explicit transaction to itself", async (t) => {
    const url = await testDatabase(t, { sql: "create table written (id int)" });
    const { pool } = testPool(t, url, { max: 2 });
    const session = await pool.acquire();
    await session.run([command("begin"), command("insert into written values (1)")]);
    const outside = await Promise.all(Array.from({ length: 10 }, () => scalar(pool, "select count(*) from written")));
    assert.deepEqual(new Set(outside), new Set(["0"]));
    await session.run([command("commit")]);
    session.release();
    assert.equal(await scalar(pool, "select count(*) from written"), "1");
  });

  it("rolls back what it left open, and gives the connection back clean", async (t) => {
    const url = await testDatabase(t, { sql: "create table written (id int)" });
    const { pool, lines } = testPool(t, url, { max: 1 });
    {
      await using session = await pool.acquire();
      await session.run([command("begin"), command("insert into written values (1)")]);
      assert.equal((await failureOf(session.run([command("select 1/0")]))).code, "22012");
      assert.equal((await failureOf(session.run([command("select 1")]))).code, "25P02");
    }
    assert.equal(await scalar(pool, "select count(*) from written"), "0");
    assert.equal(pool.stats().opened, 1);
    assert.ok(lines.some(({ message }) => message.includes("rolled back")));
  });

  it("refuses work after its release, and a second release does nothing", async (t) => {
    const { pool } = testPool(t, await testDatabase(t), { max: 1 });
    const session = await pool.acquire();
    session.release();
    session.release();
    assert.equal((await failureOf(session.run([command("select 1")]))).code, "HP_INTERNAL");
    const next = await pool.acquire();
    assert.equal(await scalar(next, "select 1"), "1");
    next.release();
  });

  it("is served in turn although others share the connections all the time", async (t) => {
    const { pool } = testPool(t, await testDatabase(t), { max: 2, acquireTimeoutMs: 3000 });
    await pool.start();
    const over = new AbortController();
    const load = Array.from({ length: 16 }, async () => {
      while (!over.signal.aborted) await scalar(pool, "select 1");
    });
    for (let round = 0; round < 5; round++) {
      await using session = await pool.acquire();
      assert.equal(await scalar(session, "select 'own'"), "own");
    }
    over.abort();
    await Promise.all(load);
  });

  it("answers statements sent ahead in order, and cancels only what its caller gave up", async (t) => {
    const { pool } = testPool(t, await testDatabase(t), { max: 1 });
    await using session = await pool.acquire();
    const ahead = ["a", "b", "c"].map((value) => scalar(session, "select $1::text", value));
    assert.deepEqual(await Promise.all(ahead), ["a", "b", "c"]);
    const given = session.run([command("select pg_sleep(30)")], { timeoutMs: 30 });
    assert.equal((await failureOf(given)).code, "HP_DEADLINE");
    assert.equal(await scalar(session, "select 'next' from pg_sleep(0.02)"), "next");
  });

  it("prepares a stale statement anew outside a transaction, and reports it inside one", async (t) => {
    const { pool } = testPool(t, await testDatabase(t), { max: 1 });
    await using session = await pool.acquire();
    await scalar(session, "select 'x'");
    await session.run([unprepared("deallocate all")]);
    assert.equal(await scalar(session, "select 'x'"), "x");
    await session.run([unprepared("deallocate all"), unprepared("begin")]);
    assert.equal((await failureOf(scalar(session, "select 'x'"))).code, "26000");
  });

  it("of a caller who stopped waiting is not handed out", async (t) => {
    const { pool } = testPool(t, await testDatabase(t), { max: 1 });
    const held = await pool.acquire();
    const controller = new AbortController();
    const waiting = pool.acquire({ signal: controller.signal });
    controller.abort(new Error("left"));
    assert.equal((await failureOf(waiting)).message, "left");
    held.release();
    assert.equal(await scalar(pool, "select 1"), "1");
    assert.equal(pool.stats().sessions, 0);
  });
});
