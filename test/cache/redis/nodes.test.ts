import assert from "node:assert/strict";
import test from "node:test";
import { startRedisCluster } from "../../support/redis-sets.ts";
import { startRedis } from "../../support/redis.ts";
import { startFaultProxy } from "../../support/fault-proxy.ts";
import { contents } from "../contract.ts";
import { type CacheNode, openNode, until } from "../nodes.ts";
import { makeReply } from "../replies.ts";

const REACH_MS = 50;

/** Puts on one node and reads on another, so that both hold a copy. */
async function share(from: CacheNode, to: CacheNode, key: string, tags: readonly string[] = []): Promise<void> {
  from.store.put(key, makeReply({ body: key, tags }));
  await from.store.settled(key);
  assert.deepEqual(contents(await to.store.get(key)), [key]);
  assert.ok(to.memory.peek(key));
}

for (const kind of ["Redis", "Redis Cluster"] as const) {
  test(`${kind}: a purge reaches the memory of other nodes within ${REACH_MS} ms`, async (t) => {
    const url = kind === "Redis" ? (await startRedis(t))?.url : await startRedisCluster(t);
    if (url === undefined) return;
    const [a, b] = await Promise.all([openNode(t, url), openNode(t, url)]);
    // The first command of a kind loads its script.
    await a.store.purge({ kind: "tags", tags: ["warm up"] });
    await a.store.purge({ kind: "key", key: "warm up" });
    await share(a, b, "by tag", ["t"]);
    await share(b, a, "by key");
    await share(a, b, "by all");
    const times: number[] = [];
    for (const [selector, key] of [
      [{ kind: "tags", tags: ["other", "t"] }, "by tag"],
      [{ kind: "key", key: "by key" }, "by key"],
      [{ kind: "all" }, "by all"],
    ] as const) {
      const purged = a.store.purge(selector);
      times.push(await until(() => b.memory.peek(key) === undefined, "the purge", 2000));
      await purged;
      assert.equal(await b.store.get(key), undefined);
      assert.equal(await a.store.get(key), undefined);
    }
    assert.ok(Math.max(...times) < REACH_MS, times.join(", "));
  });
}

test("a copy goes when another node replaces the reply", async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) return;
  const [a, b] = await Promise.all([openNode(t, redis.url), openNode(t, redis.url)]);
  await share(a, b, "k");
  a.store.put("k", makeReply({ body: "new" }));
  await until(() => b.memory.peek("k") === undefined, "the old copy goes");
  assert.deepEqual(contents(await b.store.get("k")), ["new"]);
  assert.deepEqual(contents(await a.store.get("k")), ["new"]);
});

test("copies go with the connection, and what Redis holds comes back with it", async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) return;
  const relay = await startFaultProxy(t, redis.port);
  const near = await openNode(t, redis.url);
  const far = await openNode(t, `redis://127.0.0.1:${relay.port}`);
  await share(near, far, "kept");
  await share(near, far, "purged");
  relay.cut();
  await until(() => far.memory.peek("kept") === undefined, "the copies go");
  await near.store.purge({ kind: "key", key: "purged" });
  relay.heal();
  await until(async () => (await far.store.get("kept")) !== undefined, "it comes back");
  assert.equal(await far.store.get("purged"), undefined);
});

test("a reply that a node asked for before another node's purge is not stored anywhere", async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) return;
  const relay = await startFaultProxy(t, redis.port);
  const a = await openNode(t, redis.url);
  const b = await openNode(t, `redis://127.0.0.1:${relay.port}`);
  // Messages reach b late: it writes before it hears of the purge.
  relay.delayMs = 100;
  const fetched = [makeReply({ tags: ["t"] }), makeReply()] as const;
  await a.store.purge({ kind: "tags", tags: ["t"] });
  await a.store.purge({ kind: "key", key: "by key" });
  b.store.put("by tag", fetched[0]);
  b.store.put("by key", fetched[1]);
  await Promise.all([b.store.settled("by tag"), b.store.settled("by key")]);
  assert.equal(await a.store.get("by tag"), undefined);
  assert.equal(await a.store.get("by key"), undefined);
  relay.delayMs = 0;
  await until(() => b.memory.peek("by tag") === undefined && b.memory.peek("by key") === undefined, "b hears of it");
});

test("a purge before Redis forgot its data still counts after it", async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) return;
  const { store, tier } = await openNode(t, redis.url);
  await store.purge({ kind: "all" });
  await redis.kill();
  await redis.start();
  assert.ok(await tier.remote.ready(5000));
  await until(() => tier.link.epoch() !== undefined, "a new epoch");
  store.put("a", makeReply({ body: "after" }));
  await store.settled("a");
  assert.deepEqual(contents(await tier.remote.read("a")), ["after"]);
});

test("a value of another version or too large is not there", async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) return;
  const { tier } = await openNode(t, redis.url);
  const { link, remote } = tier;
  await remote.write("a", makeReply({ body: "whole" }));
  const name = link.keys.entry(link.epoch()!, "a");
  await link.connection.send(name, ["HSET", name, "future", Buffer.from([9, 1, 2, 3])]);
  assert.deepEqual(contents(await remote.read("a")), ["whole"]);
  await remote.write("a", makeReply({ body: Buffer.alloc(2 * 1024 ** 2) }));
  assert.equal(await remote.read("a"), undefined);
});

test("nodes of another version of the record may share a Redis: none misreads, and purges are everybody's", async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) return;
  const [a, b] = await Promise.all([openNode(t, redis.url), openNode(t, redis.url)]);
  const { link } = a.tier;
  const name = link.keys.entry(link.epoch()!, "k");
  for (const round of [1, 2]) {
    a.store.put("k", makeReply({ body: "ours", tags: ["t"] }));
    await a.store.settled("k");
    // The other version puts its own in the place of ours, under the same names, and says so.
    await link.connection.send(name, ["HSET", name, "-", Buffer.from([2, 0xff, 0, 1, 2, 3])]);
    await link.connection.send(name, ["HSET", name, "theirs", Buffer.alloc(64, 2)]);
    await link.connection.send(name, ["PUBLISH", link.keys.channel, JSON.stringify(["replaced", 0, "other", "k"])]);
    await link.connection.send(name, [
      "PUBLISH",
      link.keys.channel,
      JSON.stringify(["new kind", 0, "other", { k: 1 }]),
    ]);
    await until(() => a.memory.peek("k") === undefined, "the copy goes");
    assert.equal(await b.store.get("k"), undefined);
    b.store.put("k", makeReply({ body: `again ${round}`, tags: ["t"] }));
    await b.store.settled("k");
    assert.deepEqual(contents(await a.store.get("k")), [`again ${round}`]);
    await a.store.purge({ kind: "tags", tags: ["t"] });
    assert.equal(await link.connection.send(name, ["EXISTS", name]), 0);
    await until(() => b.memory.peek("k") === undefined, "the purge");
  }
});

test("names in Redis leave with what they belong to", async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) return;
  const { tier } = await openNode(t, redis.url);
  const { link, remote } = tier;
  for (let at = 0; at < 50; at++) await remote.write(`key ${at}`, makeReply({ tags: ["t"], keepForMs: 40 }));
  const count = async (): Promise<unknown> => link.connection.send("", ["DBSIZE"]);
  // What is left: number, epoch and home.
  await until(async () => (await count()) === 3, "all expires");
  for (let at = 0; at < 50; at++) await remote.write(`key ${at}`, makeReply({ tags: ["t"] }));
  await remote.remove({ kind: "all" });
  await until(async () => (await count()) === 3, "all is taken away");
});
