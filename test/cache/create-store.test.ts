import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Log } from "../../src/api/source.ts";
import { createStoreFromSettings, type ServerStore, type StoreSettings } from "../../src/cache/create-store.ts";
import type { PurgeSelector } from "../../src/cache/store.ts";
import { createMetrics, type Metrics } from "../../src/observe/metrics.ts";
import { defer, type TestScope } from "../support/defer.ts";
import { startMemcached } from "../support/memcached.ts";
import { startRedis } from "../support/redis.ts";
import { contents } from "./contract.ts";
import { until } from "./nodes.ts";
import { makeReply } from "./replies.ts";

const run = promisify(execFile);
const SETTINGS: StoreSettings = {
  memory: 1e7,
  redis: null,
  memcached: [],
  prefix: "hotpath",
  softTimeoutMs: 500,
  hardTimeoutMs: 1000,
  maxSharedBytes: 1e6,
};

async function open(t: TestScope, settings: Partial<StoreSettings>): Promise<ServerStore & { metrics: Metrics }> {
  const metrics = createMetrics();
  const store = await createStoreFromSettings({ ...SETTINGS, ...settings }, QUIET, metrics);
  defer(t, () => store.close());
  return { ...store, metrics };
}

test("memory alone answers at once and has no lock", async (t) => {
  const store = await open(t, {});
  await store.put("a", makeReply());
  assert.ok(Array.isArray(store.get("a")));
  assert.equal(store.flightLock, undefined);
  assert.match(store.metrics.render(), /^hotpath_cache_memory_hits 1$/m);
});

test("over Redis nodes share replies, purges and locks, and metrics say how it goes", async (t) => {
  const redis = (await startRedis(t))?.url;
  if (redis === undefined) return;
  const [a, b] = await Promise.all([open(t, { redis }), open(t, { redis })]);
  const removed: PurgeSelector[] = [];
  b.listen((selector) => removed.push(selector));
  const flight = await a.flightLock?.acquire("k", { ttlMs: 1000, waitMs: 0 });
  await a.put("k", makeReply({ body: "shared", tags: ["t"] }));
  // Giving the lock back waits until the reply is where the others look.
  if (flight?.state === "held") await flight.release();
  assert.deepEqual(contents(await b.get("k")), ["shared"]);
  await a.purge({ kind: "tags", tags: ["t"] });
  await until(() => removed.length > 0, "b is told");
  assert.deepEqual(removed, [{ kind: "tags", tags: ["t"] }]);
  assert.equal(await b.get("k"), undefined);
  const text = b.metrics.render();
  assert.match(text, /^hotpath_cache_tier_state\{tier="redis",state="closed"\} 1$/m);
  assert.match(text, /^hotpath_cache_tier_calls\{tier="redis",outcome="hit"\} 1$/m);
});

test("over Memcached nodes share replies, and a purge reaches the others' copies when they are checked", async (t) => {
  const server = await startMemcached(t);
  if (server === undefined) return;
  const [a, b] = await Promise.all([open(t, { memcached: [server] }), open(t, { memcached: [server] })]);
  await a.put("k", makeReply({ body: "shared", tags: ["t"] }));
  await until(async () => (await b.get("k")) !== undefined, "it is written");
  await a.purge({ kind: "tags", tags: ["t"] });
  assert.equal(await a.get("k"), undefined);
  await until(async () => (await b.get("k")) === undefined, "the copy goes", 2000);
});

test("a shared tier that is not there delays the start by a second at most", async (t) => {
  const startedAt = performance.now();
  const store = await open(t, { redis: "redis://127.0.0.1:1" });
  assert.ok(performance.now() - startedAt < 1500);
  await store.put("a", makeReply());
  assert.ok(await store.get("a"));
});

test("no client is loaded that is not configured", async () => {
  const url = new URL("../../src/cache/index.ts", import.meta.url).href;
  const program = `
    const { createStoreFromSettings } = await import(${JSON.stringify(url)});
    const metrics = { gauge() {} };
    await createStoreFromSettings(${JSON.stringify(SETTINGS)}, {}, metrics);
    const { createRequire } = await import("node:module");
    const cached = Object.keys(createRequire(${JSON.stringify(url)}).cache);
    console.log(cached.filter((path) => path.includes("redis")).length);`;
  const words = ["--input-type=module", "--eval", program];
  const { stdout } = await run(process.execPath, words, { cwd: fileURLToPath(new URL("../..", import.meta.url)) });
  assert.equal(stdout, "0\n");
});

const QUIET: Log = { debug() {}, info() {}, warn() {}, error() {} };
