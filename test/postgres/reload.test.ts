import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { privateCluster, queryRows, runSql, testDatabase } from "../support/postgres.ts";
import { type Answer, type ServedApi, serve } from "../support/server.ts";

/** Asks until the answer is as wanted; a server that never gets there fails the test. */
async function until(
  api: ServedApi,
  path: string,
  isWanted: (answer: Answer) => boolean,
  limitMs = 20_000,
): Promise<Answer> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const answer = await api.get(path);
    if (isWanted(answer)) return answer;
    assert.ok(performance.now() < deadline, `${path} still answers ${answer.status} ${answer.text}`);
    await delay(10);
  }
}

/** A connection of the server that has read the catalog, with whatever outcome. */
const CATALOG_READ =
  "select from pg_stat_activity where datname = current_database() and application_name = 'hotpath' and state like 'idle%' and query ~ 'pg_namespace|pg_class'";

const SCHEMA = "create table users (id int primary key, name text); insert into users values (1, 'Ann');";

test("changes of the structure are served after a notification", async (t) => {
  const url = await testDatabase(t, { sql: SCHEMA });
  const api = await serve(t, url);
  const stopped = new AbortController();
  const failures: string[] = [];
  const traffic = (async () => {
    while (!stopped.signal.aborted) {
      const answer = await api.get("/users?select=id&id=eq.1");
      if (answer.text !== '[{"id":1}]') failures.push(answer.text);
    }
  })();
  assert.equal((await api.get("/users?select=email")).status, 400);
  await runSql(
    url,
    "alter table users add column email text default 'a@b.c'; create table orders (id int primary key, user_id int references users); notify hotpath",
  );
  await until(api, "/users?select=email", ({ status }) => status === 200);
  assert.deepEqual(await api.json("/users?select=id,email,orders(id)"), [{ id: 1, email: "a@b.c", orders: [] }]);
  assert.deepEqual(await api.json("/users"), [{ id: 1, name: "Ann", email: "a@b.c" }]);
  await runSql(url, "alter table users drop column email; drop table orders; notify hotpath, 'reload schema'");
  await until(api, "/orders", ({ status }) => status === 404);
  assert.deepEqual(await api.json("/users"), [{ id: 1, name: "Ann" }]);
  stopped.abort();
  await traffic;
  assert.deepEqual(failures, []);
});

test("a reload sees everything that was there when it was asked for", async (t) => {
  const url = await testDatabase(t, { sql: SCHEMA });
  const api = await serve(t, url, { postgres: { reloadChannel: null } });
  for (let round = 0; round < 10; round++) {
    // One is under way, and may have read the catalog before the table was made.
    const before = api.server.reload();
    await runSql(url, `create table made${round} (id int)`);
    await Promise.all([api.server.reload(), api.server.reload(), before]);
    assert.equal((await api.get(`/made${round}`)).status, 200, `round ${round}`);
  }
});

test("a type that no column has can be cast to once it was made", async (t) => {
  const url = await testDatabase(t, { sql: SCHEMA });
  const api = await serve(t, url);
  assert.equal((await api.get("/users?select=name::nick")).status, 400);
  await runSql(url, "create domain nick as varchar(2); notify hotpath");
  await until(api, "/users?select=name::nick", ({ status }) => status === 200);
});

test("a column whose type changed is compared as its new type, on connections that knew the old one", async (t) => {
  const url = await testDatabase(t, {
    sql: `${SCHEMA} create table codes (code int, at date); insert into codes values (7, '2024-01-02')`,
  });
  const api = await serve(t, url, { postgres: { pool: { max: 2 } } });
  const both = [
    "/codes?code=eq.7&select=code",
    "/codes?code=in.(7,8)&select=code",
    "/codes?order=code&limit=1&code=gte.1",
  ];
  for (const path of both) await Promise.all(Array.from({ length: 6 }, () => api.json(path)));
  await runSql(url, "alter table codes alter column code type text using 'x' || code");
  await api.server.reload();
  for (let round = 0; round < 6; round++)
    assert.deepEqual(await api.json("/codes?code=eq.x7&select=code"), [{ code: "x7" }]);
  assert.deepEqual(await api.json("/codes?code=in.(7,x7)&select=code"), [{ code: "x7" }]);
});

test("a database that is killed and started again needs no restart of ours", async (t) => {
  const cluster = await privateCluster(t);
  await runSql(cluster.url, SCHEMA);
  const api = await serve(t, cluster.url, { postgres: { pool: { max: 4, acquireTimeout: "3s" } } });
  assert.equal((await api.get("/users/1")).status, 200);
  for (const signal of ["SIGKILL", "SIGQUIT"] as const) {
    await cluster.kill(signal);
    const started = performance.now();
    const down = await Promise.all(Array.from({ length: 20 }, () => api.get("/users/1")));
    for (const { status, text, headers } of down) {
      assert.ok(status === 503 || status === 504, `${status} ${text}`);
      assert.equal(typeof (JSON.parse(text) as { code: unknown }).code, "string");
      assert.doesNotMatch(text, /127\.0\.0\.1|ECONN|password/);
      if (status === 503) assert.equal(headers["retry-after"], "1");
    }
    assert.ok(performance.now() - started < 8000, "requests hung while the database was away");
    // A reload meanwhile fails without harm.
    await api.server.reload();
    await cluster.start();
    const back = await until(api, "/users/1", ({ status }) => status === 200);
    assert.equal(back.text, '{"id":1,"name":"Ann"}');
    await runSql(cluster.url, `create table after_${signal.toLowerCase()} (id int); notify hotpath`);
    await until(api, `/after_${signal.toLowerCase()}`, ({ status }) => status === 200);
  }
});

test("a server that starts before its database serves once that is there, and as it should be", async (t) => {
  const cluster = await privateCluster(t);
  await runSql(cluster.url, "create schema later");
  await cluster.stop();
  const rejections: unknown[] = [];
  const onRejection = (reason: unknown): void => void rejections.push(reason);
  process.on("unhandledRejection", onRejection);
  t.after(() => process.off("unhandledRejection", onRejection));
  const api = await serve(t, cluster.url, { postgres: { schemas: ["late"], pool: { acquireTimeout: "2s" } } });
  const early = await api.get("/users");
  assert.equal(early.status, 503);
  assert.equal((JSON.parse(early.text) as { code: string }).code, "PGRST002");
  assert.equal(early.headers["retry-after"], "1");
  const ready = await fetch(`${api.adminUrl}/ready`);
  assert.equal(ready.status, 503);
  await cluster.start();
  // The schema is still missing when the server first gets through: no reason to end, nor to stop trying.
  while ((await queryRows(cluster.url, CATALOG_READ)).length === 0) await delay(10);
  assert.equal((await api.get("/users")).status, 503);
  await runSql(
    cluster.url,
    "alter schema later rename to late; create table late.users (id int); insert into late.users values (5)",
  );
  const answer = await until(api, "/users", ({ status }) => status === 200);
  assert.equal(answer.text, '[{"id":5}]');
  assert.equal((await fetch(`${api.adminUrl}/ready`)).status, 200);
  assert.deepEqual(rejections, []);
});

test("what can never work is said at start", async (t) => {
  const url = await testDatabase(t, { sql: SCHEMA });
  const rejects = async (given: string, code: string, options = {}): Promise<void> => {
    await assert.rejects(
      serve(t, given, { postgres: options }),
      (error: { code?: string; message: string; todo?: string }) => {
        assert.equal(error.code, code, error.message);
        assert.doesNotMatch(error.message, /hunter2/);
        return typeof error.todo === "string" && error.todo !== "";
      },
    );
  };
  const changed = (change: (url: URL) => void): string => {
    const copy = new URL(url);
    change(copy);
    return copy.href;
  };
  await rejects(
    changed((copy) => (copy.password = "hunter2")),
    "HP_DATABASE_REFUSED",
  );
  await rejects(
    changed((copy) => (copy.username = "nobody")),
    "HP_DATABASE_REFUSED",
  );
  await rejects(
    changed((copy) => (copy.pathname = "/no_such_database")),
    "HP_DATABASE_REFUSED",
  );
  await rejects(url, "HP_SCHEMA_UNKNOWN", { schemas: ["public", "no_such_schema"] });
  const away = await serve(
    t,
    changed((copy) => (copy.port = "1")),
    { postgres: { pool: { acquireTimeout: "200ms" } } },
  );
  assert.equal((await away.get("/users")).status, 503);
});
