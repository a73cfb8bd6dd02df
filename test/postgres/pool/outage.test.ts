import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import { createPool } from "../../../src/postgres/pool/index.ts";
import { freePort } from "../../../src/demo/cluster.ts";
import { defer } from "../../support/defer.ts";
import { privateCluster, queryRows, runSql, testDatabase } from "../../support/postgres.ts";
import { CALM, command, failureOf, scalar, testPool, until } from "./fixture.ts";

const QUIET = { debug() {}, info() {}, warn() {}, error() {} };

function withUrl(url: string, change: (parsed: URL) => void): string {
  const parsed = new URL(url);
  change(parsed);
  return parsed.href;
}

describe("a database that refuses", () => {
  const wrong: readonly [string, (url: URL) => void, RegExp][] = [
    ["a wrong password", (url) => (url.password = "s3cret-wrong"), /password authentication failed/],
    ["no such database", (url) => (url.pathname = "/nowhere"), /"nowhere" does not exist/],
    ["no such role", (url) => (url.username = "nobody_here"), /nobody_here/],
    ["no TLS where it is demanded", (url) => url.searchParams.set("sslmode", "require"), /SSL/],
  ];
  for (const [what, change, message] of wrong) {
    it(`fails the start: ${what}`, async (t) => {
      const { pool, lines } = testPool(t, withUrl(await testDatabase(t), change));
      const error = await failureOf(pool.start());
      assert.equal(error.code, "HP_DATABASE_REFUSED");
      assert.match(error.message, message);
      assert.doesNotMatch(`${error.message}${error.stack}${JSON.stringify(lines)}`, /s3cret/);
    });
  }

  it("is not even asked when its URL cannot be read, and the message does not repeat it", () => {
    const settings = { ...CALM, url: "postgres://me:s3cret@host:port:x/db" };
    assert.throws(
      () => createPool(settings, QUIET),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, "HP_OPTION_INVALID");
        assert.doesNotMatch(`${error.message}${error.stack}${String(error.cause)}`, /s3cret/);
        return true;
      },
    );
  });
});

describe("a database that goes away", () => {
  it("is waited for at start without failing it, and calls fail soon and clearly", async (t) => {
    const { pool, lines } = testPool(t, `postgres://me:s3cret@127.0.0.1:${await freePort()}/db`, { minIdle: 2 });
    await pool.start();
    assert.equal(pool.isReachable(), false);
    const begun = performance.now();
    const error = await failureOf(scalar(pool, "select 1"));
    assert.equal(error.code, "HP_DATABASE_UNREACHABLE");
    assert.equal(error.status, 503);
    assert.match(error.message, /ECONNREFUSED/);
    assert.ok(performance.now() - begun < 2000);
    const again = performance.now();
    assert.equal((await failureOf(pool.acquire())).code, "HP_DATABASE_UNREACHABLE");
    assert.ok(performance.now() - again < 900, "a long outage is not waited for again");
    assert.doesNotMatch(JSON.stringify(lines), /s3cret/);
    assert.equal(lines.filter(({ level }) => level === "error").length, 1);
  });

  it("is found again by itself, after a kill and after an orderly stop", async (t) => {
    const cluster = await privateCluster(t);
    const { pool } = testPool(t, cluster.url, { minIdle: 2 });
    await pool.start();
    for (const end of ["kill", "stop"] as const) {
      const sent = scalar(pool, "select 'sent' from pg_sleep(30)");
      const failure = failureOf(sent);
      await until(() => pool.stats().inFlight === 1, "the call is under way");
      await (end === "kill" ? cluster.kill("SIGKILL") : cluster.stop());
      const error = await failure;
      assert.equal(error.code, "HP_DATABASE_UNREACHABLE");
      assert.equal(error.mayHaveExecuted, true);
      assert.equal((await failureOf(scalar(pool, "select 1"))).code, "HP_DATABASE_UNREACHABLE");
      await until(() => !pool.isReachable(), "the outage is noticed");
      await cluster.start();
      const back = performance.now();
      await until(() => pool.isReachable(), "it is found again");
      assert.equal(await scalar(pool, "select 'back'"), "back");
      assert.ok(performance.now() - back < 2500);
      await until(() => pool.stats().idle >= 2, "the minimum is warm again");
    }
  });

  it("under load gives each call its own answer or a clear error, and then works on", async (t) => {
    const cluster = await privateCluster(t);
    const { pool } = testPool(t, cluster.url, { max: 3 });
    await pool.start();
    const over = new AbortController();
    let answered = 0;
    const codes = new Set<unknown>();
    const callers = Array.from({ length: 12 }, async (_, caller) => {
      for (let round = 0; !over.signal.aborted; round++) {
        try {
          assert.equal(await scalar(pool, "select $1::text", `${caller}/${round}`), `${caller}/${round}`);
          answered++;
        } catch (error) {
          if (error instanceof assert.AssertionError) throw error;
          codes.add((error as { code?: unknown }).code);
          await new Promise(setImmediate);
        }
      }
    });
    await until(() => answered > 100, "it runs");
    await cluster.kill("SIGKILL");
    await until(() => codes.size > 0, "calls fail");
    await cluster.start();
    const before = answered;
    await until(() => answered > before + 100, "it runs again");
    over.abort();
    await Promise.all(callers);
    assert.deepEqual([...codes], ["HP_DATABASE_UNREACHABLE"]);
  });

  it("loses only the call at the head when one connection is terminated: those behind move to another", async (t) => {
    const url = await testDatabase(t, { sql: "create table written (id int)" });
    const { pool } = testPool(t, url, { max: 1 });
    await pool.start();
    const head = failureOf(scalar(pool, "select 'head' from pg_sleep(30)"));
    const behind = ["1", "2", "3"].map((id) => pool.run([command("insert into written values ($1) returning id", id)]));
    const running =
      "select pid from pg_stat_activity where datname = current_database() and query like '%''head''%' and pid <> pg_backend_pid()";
    await until(async () => (await queryRows(url, running)).length === 1, "the head runs");
    await queryRows(url, running.replace("select pid", "select pg_terminate_backend(pid)"));
    assert.equal((await head).mayHaveExecuted, true);
    const answers = await Promise.all(behind);
    assert.deepEqual(
      answers.map(([result]) => result?.rows[0]?.[0]),
      ["1", "2", "3"],
    );
    assert.equal(await scalar(pool, "select count(*) from written"), "3");
  });

  it("tells a session's caller, whose further calls were certainly not executed", async (t) => {
    const url = await testDatabase(t);
    const { pool } = testPool(t, url, { max: 1 });
    const session = await pool.acquire();
    const pid = await scalar(session, "select pg_backend_pid()");
    await queryRows(url, "select pg_terminate_backend($1)", [pid]);
    await until(() => pool.stats().connectionsLost === 1, "the loss is noticed");
    const error = await failureOf(session.run([command("select 1")]));
    assert.equal(error.code, "HP_DATABASE_UNREACHABLE");
    assert.equal(error.mayHaveExecuted, false);
    session.release();
    assert.equal(await scalar(pool, "select 1"), "1");
  });

  it("whose places are all taken is shared through the connections there are", async (t) => {
    const url = await testDatabase(t);
    const role = `narrow_${randomBytes(5).toString("hex")}`;
    await runSql(url, `create role ${role} login password 'narrow' connection limit 1`);
    defer(t, () => runSql(url, `drop role ${role}`));
    const narrow = withUrl(url, (parsed) => {
      parsed.username = role;
      parsed.password = "narrow";
    });
    const { pool } = testPool(t, narrow, { max: 4, minIdle: 2 });
    await pool.start();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => scalar(pool, "select $1::text", String(index))),
    );
    assert.deepEqual(answers.map(Number), [...answers.keys()]);
    assert.equal(pool.stats().total, 1);
    assert.ok(pool.stats().connectFailures > 0);
  });
});
