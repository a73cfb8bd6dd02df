import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { queryRows, testDatabase } from "../../support/postgres.ts";
import { type RedisServer, startRedis } from "../../support/redis.ts";
import { type FaultProxy, startFaultProxy } from "../../support/fault-proxy.ts";
import type { Answer } from "../../support/server.ts";
import { cacheOutcome, type Following, poll, serveFollowing } from "./following.ts";

const SCHEMA = `
  create table users (id int primary key, name text);
  insert into users select n, 'user ' || n from generate_series(1, 100) n;`;

const PATHS = ["/users?id=eq.1", "/users?id=in.(2,3)", "/users?order=id&limit=3"];

/** Nodes that serve one database, and share the cache in one Redis. */
interface Nodes {
  readonly url: string;
  readonly redis: RedisServer;
  /** The first one follows the changes. */
  readonly nodes: readonly Node[];
  /** How many follow the log. */
  readonly slots: () => Promise<number>;
}

/** A node whose ways to the database and to Redis can be cut. */
interface Node extends Following {
  readonly toDatabase: FaultProxy;
  readonly toRedis: FaultProxy;
}

async function serveNodes(t: TestContext, count = 2): Promise<Nodes | undefined> {
  const redis = await startRedis(t);
  if (redis === undefined) return undefined;
  const url = await testDatabase(t, { sql: SCHEMA });
  const nodes: Node[] = [];
  for (let at = 0; at < count; at++) {
    const toDatabase = await startFaultProxy(t, Number(new URL(url).port));
    const toRedis = await startFaultProxy(t, redis.port);
    const own = new URL(url);
    own.host = `127.0.0.1:${toDatabase.port}`;
    const following = await serveFollowing(t, own.href, {
      postgres: { changes: { slot: null } },
      server: { cache: { redis: `redis://127.0.0.1:${toRedis.port}`, hardTimeout: "300ms" } },
    });
    nodes.push({ ...following, toDatabase, toRedis });
  }
  const slots = async (): Promise<number> => {
    const [[n] = []] = await queryRows(
      url,
      "select count(*) from pg_replication_slots where database = current_database() and active",
    ).then((rows) => rows.map((row) => Object.values(row)));
    return Number(n);
  };
  return { url, redis, nodes, slots };
}

async function fill(node: Following): Promise<void> {
  for (const path of PATHS) await node.cached(path);
}

/** What the cache of a node answers is what the database has. */
async function assertTrue(node: Following): Promise<void> {
  for (const path of PATHS) {
    const answer = await node.get(path);
    const fresh = await node.get(path, { "cache-control": "no-cache" });
    assert.equal(answer.text, fresh.text, path);
  }
}

test("one node follows the changes for all that share the cache", async (t) => {
  const served = await serveNodes(t, 3);
  if (served === undefined) return;
  const { nodes, slots } = served;
  await poll(async () => (await slots()) === 1, "more than one follows");
  for (let round = 0; round < 5; round++) {
    for (const node of nodes) await fill(node);
    const writer = nodes[round % nodes.length]!;
    await writer.change(`update users set name = 'round ${round}' where id < 3`);
    for (const node of nodes) {
      await node.settle();
      assert.match((await node.get("/users?id=eq.1")).text, new RegExp(`round ${round}`));
      await assertTrue(node);
    }
  }
  await poll(async () => (await slots()) === 1, "more than one follows");
});

test("a write is seen on its own node once it is answered, with its token on every node, and without soon", async (t) => {
  const served = await serveNodes(t);
  if (served === undefined) return;
  const { nodes } = served;
  for (let round = 0; round < 10; round++) {
    for (const node of nodes) await fill(node);
    const writer = nodes[round % 2]!;
    const headers = { "content-type": "application/json" };
    const written = await writer.send("PATCH", "/users?id=eq.1", headers, `{"name":"round ${round}"}`);
    assert.ok(written.status < 300, written.text);
    const isNew = ({ text }: Answer): boolean => text.includes(`round ${round}`);
    assert.ok(isNew(await writer.get("/users?id=eq.1")), `round ${round}: not on the node that wrote`);
    const token = { "consistency-token": String(written.headers["consistency-token"]) };
    for (const node of nodes) {
      assert.ok(isNew(await node.get("/users?id=eq.1", token)), `round ${round}: not with the token`);
      await poll(async () => isNew(await node.get("/users?id=eq.1")), `round ${round}: not without it`);
    }
  }
});

test("a token of one node is served from the cache of another", async (t) => {
  const served = await serveNodes(t);
  if (served === undefined) return;
  const [leader, follower] = served.nodes as [Node, Node];
  const headers = { "content-type": "application/json" };
  const { headers: told } = await leader.send("PATCH", "/users?id=eq.1", headers, '{"name":"token"}');
  const token = String(told["consistency-token"]);
  assert.notEqual(token, "undefined");
  await follower.settle();
  await poll(async () => {
    const answer = await follower.get("/users?id=eq.1", { "consistency-token": token });
    assert.match(answer.text, /token/);
    return cacheOutcome(answer) === "hit";
  }, "replies that have seen the token are not used");
});

test("another node takes over when the one that followed stops", async (t) => {
  const served = await serveNodes(t);
  if (served === undefined) return;
  const { url, nodes, slots } = served;
  const [leader, follower] = nodes as [Node, Node];
  await fill(follower);
  await leader.server.close();
  await queryRows(url, "update users set name = 'meanwhile' where id = 1");
  await poll(async () => (await slots()) === 1, "nobody follows");
  await follower.until("followed");
  await follower.settle();
  assert.match((await follower.get("/users?id=eq.1")).text, /meanwhile/);
  await fill(follower);
  await follower.change("update users set name = 'after' where id = 1");
  assert.match((await follower.get("/users?id=eq.1")).text, /after/);
});

test("another node takes over when the one that followed is cut off", async (t) => {
  const served = await serveNodes(t);
  if (served === undefined) return;
  const { url, nodes, slots } = served;
  const [leader, follower] = nodes as [Node, Node];
  await fill(follower);
  leader.toDatabase.cut();
  leader.toRedis.cut();
  await queryRows(url, "update users set name = 'meanwhile' where id = 1");
  await poll(async () => (await slots()) === 1, "nobody follows");
  await follower.until("followed");
  await follower.settle();
  assert.match((await follower.get("/users?id=eq.1")).text, /meanwhile/);
  leader.toDatabase.heal();
  leader.toRedis.heal();
  await leader.until("followed");
  await leader.settle();
  await poll(async () => (await slots()) === 1, "both follow");
  await assertTrue(leader);
  await leader.change("update users set name = 'after' where id = 1");
  await follower.settle();
  for (const node of nodes) assert.match((await node.get("/users?id=eq.1")).text, /after/);
});

test("without Redis every node follows for itself, and with it one does again", async (t) => {
  const served = await serveNodes(t);
  if (served === undefined) return;
  const { redis, nodes, slots } = served;
  for (const node of nodes) await fill(node);
  await redis.kill();
  await poll(async () => (await slots()) === 2, "not every node follows for itself");
  for (const node of nodes) {
    await node.until("followed");
    await fill(node);
  }
  await nodes[0]!.change("update users set name = 'alone' where id = 1");
  for (const node of nodes) {
    await node.settle();
    assert.match((await node.get("/users?id=eq.1")).text, /alone/);
  }
  await redis.start();
  await poll(async () => (await slots()) === 1, "both follow");
  for (const node of nodes) {
    await node.until("followed");
    await node.settle();
    await fill(node);
  }
  await nodes[0]!.change("update users set name = 'together' where id = 1");
  for (const node of nodes) {
    await node.settle();
    assert.match((await node.get("/users?id=eq.1")).text, /together/);
  }
});

test("nodes that learn of another structure at different times agree again", async (t) => {
  const served = await serveNodes(t);
  if (served === undefined) return;
  const { url, nodes } = served;
  for (const node of nodes) await fill(node);
  await queryRows(url, "create table later (id int primary key, n int)");
  await queryRows(url, "insert into later values (1, 1)");
  for (const node of nodes) {
    await poll(async () => (await node.get("/later?id=eq.1")).status === 200, "the table is not served");
    await poll(async () => cacheOutcome(await node.get("/later?id=eq.1")) === "hit", "the table is not cached");
  }
  for (const node of nodes) {
    await node.until("followed");
    await node.change(`update later set n = n + 1 where id = 1; update users set name = 'later' where id = 1`);
  }
  for (const node of nodes) {
    await node.settle();
    assert.equal((await node.get("/later?id=eq.1")).text, '[{"id":1,"n":3}]');
    await assertTrue(node);
  }
});
