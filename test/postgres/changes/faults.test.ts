import assert from "node:assert/strict";
import { test } from "node:test";
import { Client } from "pg";
import { defer } from "../../support/defer.ts";
import { privateCluster, queryRows, runSql, testDatabase } from "../../support/postgres.ts";
import { startFaultProxy } from "../../support/fault-proxy.ts";
import { serve } from "../../support/server.ts";
import { cacheOutcome, type Following, poll, serveFollowing, watch } from "./following.ts";

const SCHEMA = `
  create table users (id int primary key, name text);
  insert into users select n, 'user ' || n from generate_series(1, 100) n;
  create table other (id int primary key, n int);
  insert into other select n, n from generate_series(1, 100) n;`;

/** Senders of the log to hotpath. */
const SENDERS =
  "select pid, slot_name from pg_replication_slots s join pg_stat_activity a on a.pid = s.active_pid where a.datname = current_database()";

async function cutStream(url: string): Promise<void> {
  await queryRows(url, `select pg_terminate_backend(pid) from (${SENDERS}) senders`);
}

/** Fills the cache with a few replies, and answers their paths. */
async function fill(api: Following): Promise<readonly string[]> {
  const paths = ["/users?id=eq.1", "/users?id=eq.2", "/users?id=in.(3,4)", "/users?order=id&limit=3", "/other?id=eq.1"];
  for (const path of paths) assert.equal(cacheOutcome(await api.warm(path)), "hit", path);
  return paths;
}

/** What the cache answers is what the database has. */
async function assertTrue(api: Following, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const answer = await api.get(path);
    const fresh = await api.get(path, { "cache-control": "no-cache" });
    assert.equal(answer.text, fresh.text, path);
  }
}

test("a commit that the log tells of before anybody can see it is purged once they can", async (t) => {
  // Commits wait for a standby that is not there: they are in the log, and not visible.
  const cluster = await privateCluster(t, { synchronous_standby_names: "absent", synchronous_commit: "local" });
  await runSql(cluster.url, SCHEMA);
  const api = await serveFollowing(t, cluster.url);
  const held = new Client({ connectionString: cluster.url });
  await held.connect();
  defer(t, () => held.end());
  await held.query("set synchronous_commit = on");
  const [{ pid } = { pid: 0 }] = (await held.query<{ pid: number }>("select pg_backend_pid() as pid")).rows;
  const updates = async (): Promise<number> =>
    Number(/^hotpath_changes_total\{kind="update"\} (\d+)$/m.exec(await api.metrics())?.[1] ?? 0);
  const before = await updates();
  const commit = held.query("update users set name = 'held' where id = 1");
  await poll(async () => (await updates()) > before, "the change does not arrive");
  assert.match((await api.warm("/users?id=eq.1")).text, /user 1/, "nobody sees it yet");
  assert.equal(cacheOutcome(await api.get("/users?id=eq.1")), "hit");
  await queryRows(cluster.url, "select pg_cancel_backend($1)", [pid]);
  await commit;
  await api.settle();
  assert.match((await api.get("/users?id=eq.1")).text, /held/);
});

test("what was changed while the stream was cut is not answered from before", async (t) => {
  const url = await testDatabase(t, { sql: SCHEMA });
  const api = await serveFollowing(t, url);
  for (let round = 0; round < 3; round++) {
    const paths = await fill(api);
    await cutStream(url);
    await runSql(url, `set synchronous_commit = local; update users set name = 'cut ${round}' where id < 4`);
    await api.until("followed");
    await api.settle();
    await assertTrue(api, paths);
    assert.match((await api.get("/users?id=eq.1")).text, new RegExp(`cut ${round}`));
  }
});

test("a restarted server is followed again, and nothing from before is used", async (t) => {
  const cluster = await privateCluster(t);
  await runSql(cluster.url, SCHEMA);
  const api = await serveFollowing(t, cluster.url);
  const paths = await fill(api);
  await cluster.stop();
  await cluster.start();
  await runSql(cluster.url, "update users set name = 'restarted'");
  await api.until("followed");
  await api.settle();
  await assertTrue(api, paths);
  await cluster.kill("SIGKILL");
  await cluster.start();
  await runSql(cluster.url, "update users set name = 'killed'");
  await api.until("followed");
  await api.settle();
  await assertTrue(api, paths);
  assert.match((await api.get("/users?id=eq.1")).text, /killed/);
});

test("with a permanent slot a cut costs nothing that was stored, and a lost slot all of it", async (t) => {
  const url = await testDatabase(t, { sql: SCHEMA });
  const slot = `test_${process.pid}`;
  const drop = `select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = '${slot}'`;
  defer(t, () => runSql(url, drop));
  const api = await serveFollowing(t, url, { postgres: { changes: { slot } } });
  const flushes = async (): Promise<number> =>
    [...(await api.metrics()).matchAll(/^hotpath_changes_flushes_total\{[^}]*\} (\d+)$/gm)].reduce(
      (sum, [, n]) => sum + Number(n),
      0,
    );
  await fill(api);
  const before = await flushes();
  await cutStream(url);
  await runSql(url, "set synchronous_commit = local; update users set name = 'cut' where id = 1");
  await api.until("followed");
  await api.settle();
  assert.match((await api.get("/users?id=eq.1")).text, /cut/);
  assert.equal(cacheOutcome(await api.get("/users?id=eq.2")), "hit");
  assert.equal(await flushes(), before);
  // Gone, with the changes it would have told of.
  await cutStream(url);
  await poll(async () => {
    const dropped = await runSql(url, drop).then(
      () => true,
      () => false,
    );
    await cutStream(url);
    return dropped;
  }, "the slot cannot be dropped");
  await runSql(url, "set synchronous_commit = local; update users set name = 'lost' where id = 2");
  await poll(async () => (await flushes()) > before, "nothing was flushed");
  await api.until("followed");
  await api.settle();
  assert.match((await api.get("/users?id=eq.2")).text, /lost/);
});

test("while the stream is silent replies are used no longer than they may be old", async (t) => {
  const url = await testDatabase(t, { sql: SCHEMA });
  const relay = await startFaultProxy(t, Number(new URL(url).port));
  const away = new URL(url);
  away.port = String(relay.port);
  const api = await serveFollowing(t, url, { postgres: { changes: { url: away.href, maxStaleness: "4s" } } });
  assert.equal(cacheOutcome(await api.warm("/users?id=eq.1")), "hit");
  relay.delayMs = 3_600_000;
  await runSql(url, "set synchronous_commit = local; update users set name = 'unheard' where id = 1");
  const changedAt = performance.now();
  await poll(async () => (await api.get("/users?id=eq.1")).text.includes("unheard"), "the old reply is still used");
  // On a busy machine the request itself takes its time.
  assert.ok(performance.now() - changedAt < 30_000);
  assert.equal(cacheOutcome(await api.get("/users?id=eq.1")), "passed");
  await api.until(/too old/);
  relay.delayMs = 0;
  relay.cut();
  relay.heal();
  await api.until("followed");
  await api.settle();
  assert.equal(cacheOutcome(await api.warm("/users?id=eq.1")), "hit");
});

test("a transaction of many rows takes its tables, a row too long to look at takes its own", async (t) => {
  const url = await testDatabase(t, {
    sql: `${SCHEMA} insert into users select n, 'many' from generate_series(1000, 30000) n`,
  });
  const api = await serveFollowing(t, url);
  const paths = await fill(api);
  await api.change("update users set name = 'all' where id >= 1000");
  await assertTrue(api, paths);
  assert.equal(cacheOutcome(await api.get("/other?id=eq.1")), "hit");
  await fill(api);
  await api.change("update users set name = repeat('x', 3000000) where id = 2");
  assert.equal(cacheOutcome(await api.get("/other?id=eq.1")), "hit");
  assert.ok((await api.get("/users?id=eq.2")).text.length > 3_000_000);
});

test("tables that lose what identifies their rows can be written to all the same", async (t) => {
  const url = await testDatabase(t, { sql: `${SCHEMA} create table keyless (n int)` });
  const api = await serveFollowing(t, url);
  // A published table without identity refuses updates: this one must not have been published.
  await runSql(url, "insert into keyless values (1); update keyless set n = 2; delete from keyless");
  await runSql(url, "alter table users drop constraint users_pkey");
  await poll(
    () =>
      runSql(url, "update users set name = 'free'").then(
        () => true,
        () => false,
      ),
    "the table is still published",
  );
  await poll(
    async () => cacheOutcome(await api.get("/users?id=eq.1")) === "no-identity",
    "its replies are still cached",
  );
  assert.match((await api.get("/users?id=eq.1")).text, /free/);
  await runSql(url, "alter table users replica identity full");
  await poll(async () => cacheOutcome(await api.get("/users?id=eq.1")) === "hit", "its replies are not cached again");
  await api.change("update users set name = 'followed again' where id = 1");
  assert.match((await api.get("/users?id=eq.1")).text, /followed again/);
});

test("a server that stops leaves neither slot nor publication", async (t) => {
  const url = await testDatabase(t, { sql: SCHEMA });
  const api = await serveFollowing(t, url);
  const publications = "select pubname from pg_publication";
  const slots = "select slot_name from pg_replication_slots where database = current_database()";
  assert.equal((await queryRows(url, publications)).length, 1);
  assert.equal((await queryRows(url, slots)).length, 1);
  await api.server.close();
  await poll(async () => (await queryRows(url, slots)).length === 0, "the slot is still there");
  assert.deepEqual(await queryRows(url, publications), []);
});

test("two servers follow one database without getting in each other's way", async (t) => {
  const url = await testDatabase(t, { sql: SCHEMA });
  const one = await serveFollowing(t, url);
  const two = await serveFollowing(t, url);
  const paths = await fill(one);
  await fill(two);
  await one.change("update users set name = 'both' where id = 1");
  await two.settle();
  await assertTrue(one, paths);
  await assertTrue(two, paths);
  await one.server.close();
  await two.change("update users set name = 'one left' where id = 1");
  assert.match((await two.get("/users?id=eq.1")).text, /one left/);
});

test("what the database lacks is said, and replies are right without a cache", async (t) => {
  const url = await testDatabase(t, { sql: `${SCHEMA} create table marker (id int primary key, n int)` });
  const role = `limited_${process.pid}`;
  await runSql(
    url,
    `create role ${role} login password 'secret' nosuperuser; grant select on all tables in schema public to ${role}`,
  );
  defer(t, () => runSql(url, `drop owned by ${role}; drop role ${role}`));
  const limited = new URL(url);
  limited.username = role;
  limited.password = "secret";
  const api = watch(t, url, await serve(t, limited.href));
  await api.until(/may not replicate|not allowed|permission/);
  assert.equal((await api.get("/users?id=eq.1")).headers["cache-status"], undefined);
  // A publication by somebody who owns the tables, and the right to replicate, are all it takes.
  await runSql(
    url,
    `create publication theirs for table users, marker; alter role ${role} replication; insert into marker values (1, 0)`,
  );
  const given = watch(t, url, await serve(t, limited.href, { postgres: { changes: { publication: "theirs" } } }));
  await given.until("followed");
  assert.equal(cacheOutcome(await given.warm("/users?id=eq.1")), "hit");
  assert.equal(cacheOutcome(await given.warm("/other?id=eq.1")), "not-followed");
  await given.change("update users set name = 'theirs' where id = 1");
  assert.match((await given.get("/users?id=eq.1")).text, /theirs/);
});

test("a server without the logical log is served without a cache", async (t) => {
  const cluster = await privateCluster(t, { wal_level: "replica" });
  await runSql(cluster.url, SCHEMA);
  const api = watch(t, cluster.url, await serve(t, cluster.url));
  await api.until("wal_level is replica");
  assert.equal((await api.get("/users?id=eq.1")).headers["cache-status"], undefined);
});
