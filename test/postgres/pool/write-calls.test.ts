import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CommandResult } from "../../../src/postgres/pool/index.ts";
import { queryRows, testDatabase } from "../../support/postgres.ts";
import { command, failureOf, scalar, testPool, until } from "./fixture.ts";

const SCHEMA = "create table written (id int unique deferrable initially deferred)";
const READ_ONLY = { startup: { default_transaction_read_only: "on" } };
const INSERT = "insert into written values ($1)";

describe("calls that write, on connections that only read", () => {
  it("share them with calls that read, and neither runs as the other", async (t) => {
    const url = await testDatabase(t, { sql: SCHEMA });
    const { pool, lines } = testPool(t, url, { max: 2, ...READ_ONLY });
    const calls = Array.from({ length: 400 }, async (_, id) => {
      const write = (...texts: string[]) =>
        pool.run([command(INSERT, String(id)), ...texts.map((text) => command(text))], { isWrite: true });
      switch (id % 5) {
        case 0:
          return void (await write());
        case 1:
          return assert.equal((await failureOf(write("select 1/0"))).code, "22012");
        case 2:
          // What only the commit finds.
          return assert.equal(
            (await failureOf(pool.run([command(INSERT, "-1"), command(INSERT, "-1")], { isWrite: true }))).code,
            "23505",
          );
        case 3:
          return assert.equal((await failureOf(pool.run([command(INSERT, String(id))]))).code, "25006");
        default:
          return assert.equal(await scalar(pool, "show transaction_read_only"), "on");
      }
    });
    await Promise.all(calls);
    const ids = await queryRows(url, "select id from written order by id");
    assert.deepEqual(
      ids.map(({ id }) => id),
      Array.from({ length: 80 }, (_, at) => at * 5),
    );
    assert.equal(pool.stats().opened, 2);
    assert.deepEqual(lines, []);
  });

  it("leave a connection that a session takes over as it started", async (t) => {
    const url = await testDatabase(t, { sql: SCHEMA });
    const { pool } = testPool(t, url, { max: 1, ...READ_ONLY });
    await pool.run([command(INSERT, "1")], { isWrite: true });
    await using session = await pool.acquire();
    assert.equal((await failureOf(session.run([command(INSERT, "2")]))).code, "25006");
    await session.run([command("begin read write"), command(INSERT, "3"), command("commit")]);
    assert.equal((await queryRows(url, "select from written")).length, 2);
  });

  it("are cancelled when their caller leaves, and never half done", async (t) => {
    const url = await testDatabase(t, { sql: SCHEMA });
    const { pool } = testPool(t, url, { max: 1, ...READ_ONLY });
    const leave = new AbortController();
    const commands = [command(INSERT, "1"), command("select pg_sleep(60)")];
    const call = failureOf(pool.run(commands, { isWrite: true, signal: leave.signal }));
    await until(
      async () =>
        (
          await queryRows(
            url,
            "select from pg_stat_activity where datname = current_database() and query like '%pg_sleep%' and pid <> pg_backend_pid()",
          )
        ).length > 0,
      "it runs",
    );
    leave.abort(new Error("left"));
    assert.equal((await call).message, "left");
    assert.equal(await scalar(pool, "show transaction_read_only"), "on");
    assert.deepEqual(await queryRows(url, "select from written"), []);
  });

  it("are not sent again when their connection breaks, but those behind them that the server never saw are", async (t) => {
    const url = await testDatabase(t, { sql: SCHEMA });
    const { pool } = testPool(t, url, { max: 1, ...READ_ONLY });
    const sleeping = failureOf(pool.run([command(INSERT, "1"), command("select pg_sleep(60)")], { isWrite: true }));
    await until(() => pool.stats().inFlight > 0, "it runs");
    const behind = [pool.run([command(INSERT, "2")], { isWrite: true }), scalar(pool, "show transaction_read_only")];
    await until(
      async () =>
        (
          await queryRows(
            url,
            "select from pg_stat_activity where datname = current_database() and query like '%pg_sleep%' and pid <> pg_backend_pid()",
          )
        ).length > 0,
      "it sleeps",
    );
    await queryRows(
      url,
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query like '%pg_sleep%' and pid <> pg_backend_pid()",
    );
    assert.equal((await sleeping)["mayHaveExecuted"], true);
    assert.equal((await Promise.all(behind))[1], "on");
    assert.deepEqual(await queryRows(url, "select id from written"), [{ id: 2 }]);
  });

  it("are followed by what is to see them committed, and by nothing where that cannot be had", async (t) => {
    const url = await testDatabase(t, { sql: SCHEMA });
    const { pool } = testPool(t, url, { max: 2, ...READ_ONLY });
    const sequel = command("select string_agg(id::text, ' ') from written");
    const write = async (id: number, ...texts: string[]): Promise<string | null | undefined> => {
      let answer: Promise<CommandResult | undefined> | undefined;
      const followed = (given: typeof answer): void => void (answer = given);
      const commands = [command(INSERT, String(id)), ...texts.map((text) => command(text))];
      // A call that fails has a sequel, too, and it has to end.
      const failure = await pool
        .run(commands, { isWrite: true, sequel: { command: sequel, followed } })
        .catch((error: Error) => error);
      const seen = (await answer)?.rows[0]?.[0];
      return failure instanceof Error ? undefined : seen;
    };
    const seen = await Promise.all(
      Array.from({ length: 200 }, (_, id) => write(id, ...(id % 7 === 0 ? ["select 1/0"] : []))),
    );
    for (const [id, ids] of seen.entries()) {
      assert.equal(ids?.split(" ").includes(String(id)) ?? false, id % 7 !== 0);
    }
    const lost = write(1000, "select pg_sleep(60)");
    const sleeping =
      "pg_stat_activity where datname = current_database() and query like '%pg_sleep%' and pid <> pg_backend_pid()";
    await until(async () => (await queryRows(url, `select from ${sleeping}`)).length > 0, "it sleeps");
    await queryRows(url, `select pg_terminate_backend(pid) from ${sleeping}`);
    assert.equal(await lost, undefined);
  });
});
