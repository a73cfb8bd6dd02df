import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { resolvePostgresSettings } from "../../../src/api/options.ts";
import { installTracking, removeTracking, trackingStatus } from "../../../src/postgres/changes/tracking.ts";
import { defer } from "../../support/defer.ts";
import { privateCluster, queryRows, runSql, testDatabase } from "../../support/postgres.ts";
import { serve } from "../../support/server.ts";
import { cacheOutcome, type Following, openWriter, poll, serveTracked, watch } from "./following.ts";

const SCHEMA = `
  create table users (id int primary key, team_id int, name text unique);
  create index on users (team_id);
  insert into users select n, n % 10, 'user ' || n from generate_series(1, 300) n;
  create table days (id int, day date, note text, primary key (id, day)) partition by range (day);
  create table days_1 partition of days for values from ('2024-01-01') to ('2025-01-01');
  create table days_2 partition of days for values from ('2025-01-01') to ('2026-01-01') partition by range (day);
  create table days_2_1 partition of days_2 for values from ('2025-01-01') to ('2025-07-01');
  insert into days select n, date '2024-06-01' + n * 10, 'x' from generate_series(1, 30) n;
  create unlogged table counters (id int primary key, n int);
  insert into counters values (1, 0);
  create table keyless (n int);
  create table parent (id int primary key);
  create table child () inherits (parent);
  create table guarded (id int primary key);
  alter table guarded enable row level security;`;

const OBJECTS = `select count(*)::int as n from (
  select oid from pg_trigger where tgname like 'hotpath%' union all select oid from pg_namespace where nspname like 'hotpath%'
  union all select oid from pg_proc where prosrc like '%hotpath%') found`;

async function assertTrue(api: Following, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const answer = await api.get(path);
    assert.equal(answer.text, (await api.get(path, { "cache-control": "no-cache" })).text, path);
  }
}

async function countObjects(url: string): Promise<number> {
  return Number((await queryRows(url, OBJECTS))[0]?.["n"]);
}

test("triggers are installed once, repaired, and removed without a trace", async (t) => {
  const url = await testDatabase(t, { sql: SCHEMA });
  const settings = resolvePostgresSettings(url, {});
  const before = await countObjects(url);
  assert.deepEqual(await installTracking(settings, false), { tables: 7, changed: 7 });
  assert.deepEqual(await installTracking(settings, false), { tables: 7, changed: 0 });
  const statusOf = async (): Promise<Record<string, string>> =>
    Object.fromEntries(
      (await trackingStatus(settings)).map(({ table, state }) => [table.replace("public.", ""), state]),
    );
  assert.deepEqual(await statusOf(), {
    child: "never",
    counters: "tracked",
    days: "tracked",
    days_1: "tracked",
    days_2: "tracked",
    days_2_1: "tracked",
    guarded: "never",
    keyless: "tracked",
    parent: "never",
    users: "tracked",
  });
  await runSql(url, "alter table users disable trigger hotpath_update; drop trigger hotpath_delete on days_1");
  assert.deepEqual([(await statusOf())["users"], (await statusOf())["days_1"]], ["none", "none"]);
  assert.deepEqual(await installTracking(settings, false), { tables: 7, changed: 2 });
  // Telling less is another form of the same triggers.
  assert.deepEqual(await installTracking(settings, true), { tables: 7, changed: 6 });
  assert.equal(await removeTracking(settings), 7);
  assert.equal(await removeTracking(settings), 0);
  assert.equal(await countObjects(url), before);
});

test("an installation that is in somebody's way changes nothing", async (t) => {
  const url = await testDatabase(t, { sql: SCHEMA });
  const writer = openWriter(t, url);
  await writer.run("begin; update users set name = 'held' where id = 1");
  const before = await countObjects(url);
  await assert.rejects(installTracking(resolvePostgresSettings(url, {}), false), { code: "HP_UNAVAILABLE" });
  assert.equal(await countObjects(url), before);
  await writer.run("rollback");
});

test("whatever a statement does, what it changed goes", async (t) => {
  const url = await testDatabase(t, { sql: SCHEMA });
  const api = await serveTracked(t, url);
  const paths = [
    "/users?id=eq.1",
    "/users?id=eq.299",
    "/users?team_id=eq.3&order=id",
    "/users?name=eq.user%2011",
    "/users?order=id&limit=5",
    "/days?id=eq.3",
    "/days?order=id,day&limit=9",
    "/counters?id=eq.1",
    "/keyless?order=n",
  ];
  const statements = [
    // More rows, and longer values, than a notification tells.
    "update users set name = name || '!'",
    "update users set name = repeat('ü', 3000) || id where id < 20",
    "update users set name = 'user ' || id",
    "insert into users select n, 3, 'copied ' || n from generate_series(1000, 1050) n",
    "delete from users where id >= 1000",
    "insert into users values (1, 4, 'merged') on conflict (id) do update set name = excluded.name, team_id = 4",
    "insert into users values (301, 3, 'kept') on conflict do nothing",
    "with moved as (delete from users where id = 301 returning *) insert into users select id + 1, team_id, name from moved",
    "merge into users u using (values (2, 'm2'), (303, 'm3')) v (id, name) on u.id = v.id when matched then update set name = v.name when not matched then insert values (v.id, 3, v.name)",
    "begin; update users set name = 'inner' where id = 1; savepoint one; update users set name = 'lost' where id = 2; rollback to one; commit",
    "set session_replication_role = replica; update users set name = 'replayed' where id = 1; set session_replication_role = origin",
    "update days set note = 'y' where id = 3",
    "update days_1 set note = 'z' where id = 3",
    "update days_2 set note = 'z' where id = 25",
    "update days set day = '2025-02-02' where id = 4",
    "insert into days_2_1 values (3, '2025-03-03', 'new')",
    "truncate days_2",
    "update counters set n = n + 1",
    "insert into keyless values (1), (null)",
    "truncate users, keyless",
  ];
  for (const statement of statements) {
    for (const path of paths) await api.warm(path);
    await api.change(statement);
    await assertTrue(api, paths);
  }
});

test("a renamed column costs precision, and no statement", async (t) => {
  const url = await testDatabase(t, { sql: SCHEMA });
  const api = await serveTracked(t, url);
  await runSql(url, "alter table users rename team_id to group_id");
  await poll(async () => (await api.get("/users?group_id=eq.3&order=id")).status === 200, "the column is not served");
  const paths = ["/users?group_id=eq.3&order=id", "/users?id=eq.1"];
  for (let round = 0; round < 3; round++) {
    for (const path of paths) await api.cached(path);
    await api.change(`update users set group_id = 3, name = 'round ${round}' where id = 1`);
    await assertTrue(api, paths);
  }
});

test("a new partition keeps its table from being cached until it has triggers", async (t) => {
  const url = await testDatabase(t, { sql: SCHEMA });
  const api = await serveTracked(t, url);
  await api.cached("/days?id=eq.3");
  await runSql(url, "create table days_3 partition of days for values from ('2026-01-01') to ('2027-01-01')");
  await poll(async () => cacheOutcome(await api.get("/days?id=eq.3")) === "not-followed", "it is still cached");
  await runSql(url, "insert into days_3 values (3, '2026-03-03', 'unheard')");
  assert.match((await api.get("/days?id=eq.3")).text, /unheard/);
  await installTracking(resolvePostgresSettings(url, {}), false);
  await poll(async () => cacheOutcome(await api.get("/days?id=eq.3")) === "hit", "it is not cached again");
  await api.change("update days_3 set note = 'heard' where id = 3");
  assert.match((await api.get("/days?id=eq.3")).text, /"heard"/);
});

test("what was changed while nobody listened is not answered from before", async (t) => {
  const url = await testDatabase(t, { sql: SCHEMA });
  const api = await serveTracked(t, url);
  const paths = ["/users?id=eq.1", "/users?team_id=eq.3&order=id", "/days?id=eq.3"];
  for (let round = 0; round < 3; round++) {
    for (const path of paths) await api.cached(path);
    await queryRows(
      url,
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query ilike 'listen %'",
    );
    await runSql(url, `update users set name = 'cut ${round}' where id = 1`);
    await poll(
      async () => (await api.get("/users?id=eq.1")).text.includes(`cut ${round}`),
      "the old reply is still used",
    );
    await api.until("followed");
    await api.settle();
    await assertTrue(api, paths);
  }
});

test("a write through hotpath is seen at once, and with the triggers gone nothing is cached", async (t) => {
  const url = await testDatabase(t, { sql: SCHEMA });
  const api = await serveTracked(t, url);
  for (let round = 0; round < 10; round++) {
    await api.cached("/users?id=eq.1");
    const headers = { "content-type": "application/json" };
    await api.send("PATCH", "/users?id=eq.1", headers, `{"name":"round ${round}"}`);
    assert.match((await api.get("/users?id=eq.1")).text, new RegExp(`round ${round}`));
  }
  await removeTracking(resolvePostgresSettings(url, {}));
  await poll(async () => cacheOutcome(await api.get("/users?id=eq.1")) === "not-followed", "it is still cached");
  await runSql(url, "update users set name = 'untold' where id = 1");
  assert.match((await api.get("/users?id=eq.1")).text, /untold/);
});

test("triggers are taken where the log cannot be followed: without the level, without the right", async (t) => {
  const cluster = await privateCluster(t, { wal_level: "replica" });
  await assertChosen(t, cluster.url, cluster.url);
  const url = await testDatabase(t);
  const role = `plain_${process.pid}`;
  await runSql(url, `create role ${role} login password 'secret' nosuperuser`);
  defer(t, () => runSql(url, `drop owned by ${role}; drop role ${role}`));
  const plain = new URL(url);
  plain.username = role;
  plain.password = "secret";
  await assertChosen(t, url, plain.href, `grant select on all tables in schema public to ${role};`);
});

/** Serves a database with triggers, and nothing said about how to follow its changes. */
async function assertChosen(t: TestContext, owner: string, url: string, rights = ""): Promise<void> {
  await runSql(
    owner,
    `${SCHEMA} create table marker (id int primary key, n int); insert into marker values (1, 0); ${rights}`,
  );
  await installTracking(resolvePostgresSettings(owner, {}), false);
  const api = watch(t, owner, await serve(t, url));
  await api.until("followed");
  await api.cached("/users?id=eq.1");
  await api.change("update users set name = 'told' where id = 1");
  assert.match((await api.get("/users?id=eq.1")).text, /told/);
  assert.match(await api.metrics(), /^hotpath_changes_total\{kind="notified"\} [1-9]/m);
}

test("triggers are taken where only trying shows that the log is barred", async (t) => {
  const cluster = await privateCluster(t, { max_wal_senders: 0, wal_level: "logical" });
  await assertChosen(t, cluster.url, cluster.url);
});
