import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createStatement } from "../../../src/postgres/pool/index.ts";
import { testDatabase } from "../../support/postgres.ts";
import { command, failureOf, scalar, testPool, unprepared } from "./fixture.ts";

const PREPARED = "select count(*) from pg_prepared_statements";
const PREPARED_NAMES = "select string_agg(name, ',') from pg_prepared_statements";

describe("prepared statements", () => {
  it("are named by their text, in 63 bytes at most", () => {
    const { name } = createStatement("select 1");
    assert.equal(name, createStatement("select 1").name);
    assert.notEqual(name, createStatement("select 2").name);
    assert.ok(Buffer.byteLength(name) <= 63);
  });

  it("are parsed once for a connection", async (t) => {
    const { pool } = testPool(t, await testDatabase(t), { max: 1 });
    await Promise.all(Array.from({ length: 20 }, (_, index) => scalar(pool, "select $1::int", String(index))));
    const [result] = await pool.run([unprepared(PREPARED)]);
    assert.equal(result?.rows[0]?.[0], "1");
    assert.equal(pool.stats().retried, 0);
  });

  it("are closed in the server when the bound for a connection is reached", async (t) => {
    const { pool } = testPool(t, await testDatabase(t), { max: 1, maxPreparedPerConnection: 5 });
    for (let shape = 0; shape < 30; shape++) {
      assert.equal(await scalar(pool, `select ${shape}`), String(shape));
      // The one in use all the time is never the least recently used.
      assert.equal(await scalar(pool, "select 'hot'"), "hot");
    }
    const [names] = await pool.run([unprepared(PREPARED_NAMES)]);
    const held = names?.rows[0]?.[0]?.split(",") ?? [];
    assert.equal(held.length, 5);
    assert.ok(held.includes(createStatement("select 'hot'").name));
    assert.equal(pool.stats().retried, 0);
  });

  it("are not used at all when switched off", async (t) => {
    const { pool } = testPool(t, await testDatabase(t), { max: 1, preparedStatements: false });
    for (let round = 0; round < 3; round++) await scalar(pool, "select 1");
    assert.equal(await scalar(pool, PREPARED), "0");
  });

  it("that fail to parse are not remembered", async (t) => {
    const url = await testDatabase(t);
    const { pool } = testPool(t, url, { max: 1 });
    const read = "select count(*) from later";
    const failures = await Promise.all(Array.from({ length: 3 }, () => failureOf(scalar(pool, read))));
    for (const { code } of failures) assert.equal(code, "42P01");
    // Skipped in the server, since the first command had failed.
    assert.equal((await failureOf(pool.run([command("select 1/0"), command("select 'skipped'")]))).code, "22012");
    const { retried } = pool.stats();
    assert.equal(await scalar(pool, "select 'skipped'"), "skipped");
    assert.equal(pool.stats().retried, retried, "it was known not to be prepared");
    await pool.run([command("create table later (id int)")]);
    assert.equal(await scalar(pool, read), "0");
  });

  it("whose result type has changed are prepared anew, and the call succeeds", async (t) => {
    const url = await testDatabase(t, { sql: "create table shape (a int); insert into shape values (1)" });
    const { pool } = testPool(t, url, { max: 1 });
    assert.equal(await scalar(pool, "select * from shape"), "1");
    await pool.run([command("alter table shape alter a type text using 'text ' || a")]);
    assert.deepEqual(await Promise.all([1, 2, 3].map(() => scalar(pool, "select * from shape"))), [
      "text 1",
      "text 1",
      "text 1",
    ]);
    assert.ok(pool.stats().retried >= 1);
  });

  it("that somebody deallocated are prepared anew, and a write is still done once", async (t) => {
    const url = await testDatabase(t, { sql: "create table log (id int)" });
    const { pool } = testPool(t, url, { max: 1 });
    const calls = [command("insert into log values (1)"), command("select count(*) from log")];
    await pool.run(calls);
    await pool.run([unprepared("deallocate all")]);
    const results = await pool.run(calls);
    assert.equal(results[1]?.rows[0]?.[0], "2");
    assert.equal(pool.stats().retried, 1);
  });

  it("take parameters of every size", async (t) => {
    const { pool } = testPool(t, await testDatabase(t), { max: 1 });
    const sizes = [0, 1, 1023, 1024, 32_768, 5_000_000];
    const values = sizes.map((size) => "é".repeat(size));
    const answers = await Promise.all(values.map((value) => scalar(pool, "select $1::text", value)));
    assert.ok(answers.every((answer, index) => answer === values[index]));
  });
});
