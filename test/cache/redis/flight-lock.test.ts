import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import test from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { FlightLock } from "../../../src/cache/flight-lock.ts";
import { createRedisFlightLock } from "../../../src/cache/redis/index.ts";
import { defer, type TestScope } from "../../support/defer.ts";
import { startRedis } from "../../support/redis.ts";
import { openNode } from "../nodes.ts";

const NODE = fileURLToPath(new URL("flight-node.ts", import.meta.url));

test("1,000 simultaneous calls on 3 processes for one cold key reach the upstream once", async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) return;
  const upstream = await startUpstream(t);
  const nodes = [334, 333, 333].map((calls) => startNode(t, [redis.url, upstream.url, "/cold", String(calls)]));
  await Promise.all(nodes.map((node) => once(node, "message")));
  const answers = nodes.map(async (node) => (await once(node, "message"))[0] as unknown);
  for (const node of nodes) node.send("go");
  assert.deepEqual(await Promise.all(answers), [["reply 1"], ["reply 1"], ["reply 1"]]);
  assert.equal(upstream.count(), 1);
});

test("whoever waits is told at once, and takes the lock over from a holder that is gone", async (t) => {
  const locks = await openLocks(t);
  if (locks === undefined) return;
  const [a, b] = locks;
  const held = await a.acquire("k", { ttlMs: 5000, waitMs: 0 });
  assert.equal(held.state, "held");
  const waiting = b.acquire("k", { ttlMs: 5000, waitMs: 4000 });
  await delay(20);
  const startedAt = performance.now();
  if (held.state === "held") await held.release();
  assert.deepEqual(await waiting, { state: "done" });
  assert.ok(performance.now() - startedAt < 2000, "long before its time is over");
  assert.equal((await a.acquire("gone", { ttlMs: 40, waitMs: 0 })).state, "held");
  assert.equal((await b.acquire("gone", { ttlMs: 40, waitMs: 4000 })).state, "held");
});

test("a wait ends with its time or its signal", async (t) => {
  const locks = await openLocks(t);
  if (locks === undefined) return;
  const [a, b] = locks;
  await a.acquire("k", { ttlMs: 5000, waitMs: 0 });
  const startedAt = performance.now();
  assert.equal((await b.acquire("k", { ttlMs: 5000, waitMs: 30 })).state, "unavailable");
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 20);
  assert.equal((await b.acquire("k", { ttlMs: 5000, waitMs: 4000, signal: controller.signal })).state, "unavailable");
  assert.ok(performance.now() - startedAt < 1000);
});

test("a fetch that ended while the caller was on its way counts as done, once", async (t) => {
  const locks = await openLocks(t);
  if (locks === undefined) return;
  const [a, b] = locks;
  const startedAt = performance.now();
  const held = await a.acquire("k", { ttlMs: 5000, waitMs: 0 });
  if (held.state === "held") await held.release();
  const missedForMs = performance.now() - startedAt;
  assert.equal((await b.acquire("k", { ttlMs: 5000, waitMs: 100, missedForMs })).state, "done");
  assert.equal((await b.acquire("k", { ttlMs: 5000, waitMs: 100 })).state, "held");
});

test("without Redis everyone may fetch, and nobody waits", async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) return;
  const lock = await openLock(t, redis.url);
  const other = await openLock(t, redis.url);
  const held = await lock.acquire("k", { ttlMs: 5000, waitMs: 0 });
  const waiting = other.acquire("k", { ttlMs: 5000, waitMs: 5000 });
  await delay(20);
  await redis.kill();
  const startedAt = performance.now();
  assert.equal((await waiting).state, "unavailable");
  assert.equal((await lock.acquire("k", { ttlMs: 5000, waitMs: 5000 })).state, "unavailable");
  if (held.state === "held") await held.release();
  assert.ok(performance.now() - startedAt < 1000);
});

async function openLocks(t: Parameters<typeof startRedis>[0]): Promise<[FlightLock, FlightLock] | undefined> {
  const redis = await startRedis(t);
  return redis && [await openLock(t, redis.url), await openLock(t, redis.url)];
}

async function openLock(t: TestScope, url: string): Promise<FlightLock> {
  const { tier, store } = await openNode(t, url);
  return createRedisFlightLock({
    link: tier.link,
    timeoutMs: 300,
    isAvailable: () => store.isRemoteAvailable(),
    settled: (key) => store.settled(key),
  });
}

/** Answers `reply 1`, `reply 2`, … each after a while in which everyone has arrived. */
async function startUpstream(t: TestScope): Promise<{ url: string; count(): number }> {
  let count = 0;
  const server = createServer((_request, response) => {
    const body = `reply ${++count}`;
    setTimeout(() => response.end(body), 200);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  defer(t, () => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  return { url: `http://127.0.0.1:${address.port}/`, count: () => count };
}

function startNode(t: TestScope, words: readonly string[]): ChildProcess {
  const child = fork(NODE, words, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  defer(t, async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;
  });
  return child;
}
