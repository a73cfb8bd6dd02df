import assert from "node:assert/strict";
import test from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { TieredStore } from "../../../src/cache/tiers/index.ts";
import { startRedis } from "../../support/redis.ts";
import { startFaultProxy } from "../../support/fault-proxy.ts";
import { contents } from "../contract.ts";
import { openNode, until } from "../nodes.ts";
import { makeReply } from "../replies.ts";

const SOFT_TIMEOUT_MS = 40;
/** What a busy machine may add to a timer. */
const SLACK_MS = 150;

/** Keeps asking and putting until stopped, as requests would; answers the slowest get. */
function startLoad(store: TieredStore): { stop(): Promise<{ calls: number; slowestMs: number }> } {
  const stopping = new AbortController();
  let calls = 0;
  let slowestMs = 0;
  async function work(worker: number): Promise<void> {
    for (let turn = 0; !stopping.signal.aborted; turn++) {
      const key = `key ${worker}-${turn}`;
      const startedAt = performance.now();
      await store.get(key);
      slowestMs = Math.max(slowestMs, performance.now() - startedAt);
      calls++;
      store.put(key, makeReply({ tags: ["load"] }));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  // A call that rejects ends the test here.
  const done = Promise.all(Array.from({ length: 8 }, (_, worker) => work(worker)));
  return {
    async stop() {
      stopping.abort();
      await done;
      return { calls, slowestMs };
    },
  };
}

test("Redis killed and started again under load: no call fails or waits long, and it is used again", async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) return;
  const { store } = await openNode(t, redis.url, { softTimeoutMs: SOFT_TIMEOUT_MS });
  const load = startLoad(store);
  await until(() => store.remoteStats().written > 100, "writes");
  await redis.kill();
  await until(() => store.remoteStats().state !== "closed", "the breaker opens");
  const refusedBefore = store.remoteStats().refusals;
  await until(() => store.remoteStats().refusals > refusedBefore, "calls are kept back");
  await redis.start();
  const { written } = store.remoteStats();
  await until(
    () => store.remoteStats().state === "closed" && store.remoteStats().written > written,
    "recovery",
    10_000,
  );
  const { slowestMs } = await load.stop();
  assert.ok(slowestMs < SOFT_TIMEOUT_MS + SLACK_MS, `slowest ${slowestMs} ms`);
});

test("Redis paused under load: the breaker opens, hits in memory go on, and it is used again once it runs", async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) return;
  const { store } = await openNode(t, redis.url, { softTimeoutMs: SOFT_TIMEOUT_MS, hardTimeoutMs: 300 });
  store.put("hot", makeReply({ body: "hot" }));
  await store.settled("hot");
  const load = startLoad(store);
  redis.pause();
  t.after(() => redis.resume());
  await until(() => store.remoteStats().state !== "closed", "the breaker opens");
  const hit = store.get("hot");
  assert.ok(Array.isArray(hit), "a hit in memory is answered at once");
  const purgedAt = performance.now();
  await store.purge({ kind: "key", key: "hot" });
  assert.ok(performance.now() - purgedAt < SLACK_MS, "nobody waits for a purge that cannot arrive");
  redis.resume();
  const { written } = store.remoteStats();
  await until(
    () => store.remoteStats().state === "closed" && store.remoteStats().written > written,
    "recovery",
    10_000,
  );
  const { slowestMs } = await load.stop();
  assert.ok(slowestMs < SOFT_TIMEOUT_MS + SLACK_MS, `slowest ${slowestMs} ms`);
});

test("Redis slow: a read is answered as a miss in time, and its late value is kept", async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) return;
  const relay = await startFaultProxy(t, redis.port);
  const writer = await openNode(t, redis.url);
  const reader = await openNode(t, `redis://127.0.0.1:${relay.port}`, { softTimeoutMs: SOFT_TIMEOUT_MS });
  writer.store.put("a", makeReply({ body: "late" }));
  await writer.store.settled("a");
  relay.delayMs = 100;
  const startedAt = performance.now();
  assert.equal(await reader.store.get("a"), undefined);
  assert.ok(performance.now() - startedAt < SOFT_TIMEOUT_MS + SLACK_MS);
  await until(() => reader.memory.peek("a") !== undefined, "the late value");
  assert.deepEqual(contents(await reader.store.get("a")), ["late"]);
});

test("a purge while Redis cannot be reached is in force here at once, and there once it can", async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) return;
  const relay = await startFaultProxy(t, redis.port);
  const near = await openNode(t, redis.url);
  const far = await openNode(t, `redis://127.0.0.1:${relay.port}`);
  far.store.put("a", makeReply({ tags: ["t"] }));
  far.store.put("b", makeReply());
  await Promise.all([far.store.settled("a"), far.store.settled("b")]);
  assert.ok(await near.store.get("a"));
  relay.cut();
  await Promise.all([far.store.purge({ kind: "tags", tags: ["t"] }), far.store.purge({ kind: "key", key: "b" })]);
  assert.equal(await far.store.get("a"), undefined);
  assert.equal(far.store.remoteStats().pendingPurges > 0, true);
  relay.heal();
  await until(async () => (await near.store.get("a")) === undefined, "the other node is told");
  await until(() => far.store.remoteStats().pendingPurges === 0, "nothing is left to be told");
  await until(async () => (await near.store.get("b")) === undefined, "of every purge");
});

test("what was purged while it was being read is neither answered nor kept", async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) return;
  const relay = await startFaultProxy(t, redis.port);
  const writer = await openNode(t, redis.url);
  const reader = await openNode(t, `redis://127.0.0.1:${relay.port}`, { softTimeoutMs: 2000 });
  writer.store.put("a", makeReply({ tags: ["t"] }));
  await writer.store.settled("a");
  relay.delayMs = 60;
  const read = reader.store.get("a");
  // The read is on its way; the purge overtakes it.
  const purge = reader.store.purge({ kind: "tags", tags: ["t"] });
  assert.equal(await read, undefined);
  await purge;
  assert.equal(reader.memory.peek("a"), undefined);
});

test("writes beyond the queue's room are dropped, not kept", async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) return;
  const { store } = await openNode(t, redis.url, { maxQueuedBytes: 50_000, hardTimeoutMs: 200 });
  redis.pause();
  t.after(() => redis.resume());
  for (let at = 0; at < 100; at++) store.put(`key ${at}`, makeReply({ body: Buffer.alloc(5000) }));
  assert.ok(store.remoteStats().queuedBytes <= 50_000);
  assert.ok(store.remoteStats().dropped > 80);
  await until(() => store.remoteStats().queuedBytes === 0, "the queue empties");
  redis.resume();
});

test("no Redis at all: the store works from memory, and closes at once", async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) return;
  const { store } = await openNode(t, redis.url);
  await redis.kill();
  await delay(1);
  store.put("a", makeReply({ body: "here" }));
  assert.deepEqual(contents(await store.get("a")), ["here"]);
  assert.equal(await store.get("b"), undefined);
});
