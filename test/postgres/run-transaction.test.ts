import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { resolvePostgresSettings } from "../../src/api/options.ts";
import type { SourceRequest } from "../../src/api/source-request.ts";
import type { Pool } from "../../src/postgres/pool/index.ts";
import { createTransactionRunner, READ, type TransactionMode } from "../../src/postgres/run-transaction.ts";
import { createSoleRouter } from "../../src/postgres/replicas/index.ts";
import { startupSettings } from "../../src/postgres/transaction.ts";
import { queryRows, testDatabase, type TestScope } from "../support/postgres.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";
import { command, failureOf, type LogLine, scalar, testPool, until } from "./pool/fixture.ts";

const SCHEMA = `create table written (id int unique deferrable initially deferred)`;
const WRITE: TransactionMode = { access: "read write", end: "commit" };
const INSERT = "insert into written values ($1) returning id";

interface Fixture {
  readonly pool: Pool;
  readonly lines: readonly LogLine[];
  readonly leave: AbortController;
  readonly run: (mode: TransactionMode, ...commands: ReturnType<typeof command>[]) => Promise<readonly string[]>;
  readonly written: () => Promise<readonly unknown[]>;
}

async function fixture(t: TestScope, max = 1, url?: string): Promise<Fixture> {
  const database = url ?? (await testDatabase(t, { sql: SCHEMA }));
  const settings = resolvePostgresSettings(database, { argument: { anonRole: "postgres" } });
  const { pool, lines } = testPool(t, database, { max, startup: startupSettings(settings) });
  const run = createTransactionRunner(settings, () =>
    createSoleRouter(pool, { url: database, tracksPositions: false, stickyMs: null }),
  );
  const leave = new AbortController();
  const request = {
    method: "POST",
    subpath: "/written",
    headers: {},
    signal: leave.signal,
  } as unknown as SourceRequest;
  const scope = { schema: "public", role: null, timezone: null };
  return {
    pool,
    lines,
    leave,
    run: async (mode, ...commands) =>
      (await run(request, scope, commands, mode)).map(({ tag, rows }) => `${tag}: ${rows.join(" ")}`),
    written: async () => (await queryRows(database, "select id from written order by id")).map(({ id }) => id),
  };
}

function refuse(): never {
  throw new Error("too many");
}

describe("a request's transaction", () => {
  it("reads only, unless it is said to write", async (t) => {
    const { run, written } = await fixture(t);
    assert.equal((await failureOf(run(READ, command(INSERT, "1")))).code, "25006");
    assert.deepEqual(await run(WRITE, command(INSERT, "1"), command("select $1::int", "7")), [
      "INSERT 0 1: 1",
      "SELECT 1: 7",
    ]);
    assert.deepEqual(await written(), [1]);
    const level = await run({ ...WRITE, isolation: "serializable" }, command("show transaction_isolation"));
    assert.deepEqual(level, ["SHOW: serializable"]);
  });

  it("answers what it did although it is rolled back, and finds what only the commit would have found", async (t) => {
    const { run, written } = await fixture(t);
    const undone: TransactionMode = { access: "read write", end: "rollback" };
    assert.deepEqual(await run(undone, command(INSERT, "1")), ["INSERT 0 1: 1"]);
    assert.deepEqual(await written(), []);
    assert.equal((await failureOf(run(undone, command(INSERT, "1"), command(INSERT, "1")))).code, "23505");
  });

  it("is undone by whoever checks it, and by an error, and leaves the connection as it was", async (t) => {
    const { pool, lines, run, written } = await fixture(t);
    assert.equal((await failureOf(run({ ...WRITE, check: refuse }, command(INSERT, "1")))).message, "too many");
    assert.equal((await failureOf(run(WRITE, command(INSERT, "2"), command("select 1/0")))).code, "22012");
    assert.equal((await failureOf(run(WRITE, command(INSERT, "3"), command(INSERT, "3")))).code, "23505");
    assert.deepEqual(await run({ ...WRITE, check: () => undefined }, command(INSERT, "4")), ["INSERT 0 1: 4"]);
    assert.deepEqual(await written(), [4]);
    assert.equal(await scalar(pool, "show transaction_read_only"), "on");
    assert.equal(pool.stats().opened, 1);
    assert.deepEqual(lines, []);
  });

  it("never holds a stranger's statement, whatever fails around it", async (t) => {
    const { pool, run, written } = await fixture(t, 2);
    const calls = Array.from({ length: 200 }, (_, index) => {
      if (index % 4 === 0) return run(WRITE, command(INSERT, String(index)));
      if (index % 4 === 1) return failureOf(run(WRITE, command(INSERT, String(index)), command("select 1/0")));
      return scalar(pool, "select current_setting('transaction_read_only') || pg_current_xact_id_if_assigned()").then(
        (on) => assert.equal(on, null),
      );
    });
    await Promise.all(calls);
    assert.deepEqual(
      await written(),
      Array.from({ length: 50 }, (_, index) => index * 4),
    );
  });

  it("is undone when its caller leaves", async (t) => {
    const { run, leave, pool, lines, written } = await fixture(t);
    const call = failureOf(run(WRITE, command(INSERT, "1"), command("select pg_sleep(60)")));
    await until(() => pool.stats().inFlight > 0, "it runs");
    leave.abort(new Error("left"));
    assert.equal((await call).message, "left");
    assert.deepEqual(await written(), []);
    assert.equal(await scalar(pool, "select 1"), "1");
    assert.deepEqual(lines, []);
  });

  it("says that its outcome is unknown when the connection breaks before the commit is confirmed, and only then", async (t) => {
    const database = await testDatabase(t, { sql: SCHEMA });
    const relay = await startFaultProxy(t, Number(new URL(database).port));
    const url = new URL(database);
    url.port = String(relay.port);
    const { run, pool } = await fixture(t, 1, url.href);
    const call = failureOf(run(WRITE, command(INSERT, "1"), command("select pg_sleep(60)")));
    await until(() => pool.stats().inFlight > 0, "it runs");
    relay.cut();
    const unknown = await call;
    assert.equal(unknown["status"], 503);
    assert.match(String(unknown["details"]), /may have been carried out/);

    relay.heal();
    const check = (): void => relay.cut();
    const committing = await failureOf(run({ ...WRITE, check }, command(INSERT, "2")));
    assert.match(String(committing["details"]), /may have been carried out/);

    relay.heal();
    const undone = failureOf(run({ ...WRITE, check: () => undefined }, command("select pg_sleep(60)")));
    await until(() => pool.stats().inFlight > 0, "it runs");
    relay.cut();
    assert.match((await undone).message, /was not executed/);
  });
});
