import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, type TestContext } from "node:test";
import { createMemoryStore } from "../../../src/cache/memory/index.ts";
import { createRedisStore, openRedisTier } from "../../../src/cache/redis/index.ts";
import type { CacheStore } from "../../../src/cache/store.ts";
import { createTieredStore } from "../../../src/cache/tiers/index.ts";
import { defer } from "../../support/defer.ts";
import { startRedisCluster } from "../../support/redis-sets.ts";
import { startRedis } from "../../support/redis.ts";
import { testStoreContract } from "../contract.ts";

const file = { after };
// Inside a test `after` would mean that test: the file's own hook has to be set before.
defer(file, () => undefined);
let single: Promise<string | undefined> | undefined;
let cluster: Promise<string | undefined> | undefined;

/** Every test has a prefix of its own in a server that all share. */
async function open(t: TestContext, url: string | undefined): Promise<CacheStore | undefined> {
  if (url === undefined) return undefined;
  const store = await createRedisStore({ target: url, prefix: randomUUID(), softTimeoutMs: 1000, hardTimeoutMs: 5000 });
  defer(t, () => store.close());
  return store;
}

testStoreContract("Redis", async (t) => {
  single ??= startRedis(t, [], file).then((server) => server?.url);
  return open(t, await single);
});

testStoreContract("Redis Cluster", async (t) => {
  cluster ??= startRedisCluster(t, file);
  return open(t, await cluster);
});

testStoreContract("memory over Redis", async (t) => {
  single ??= startRedis(t, [], file).then((server) => server?.url);
  const target = await single;
  if (target === undefined) return undefined;
  const { remote } = await openRedisTier({ target, prefix: randomUUID() });
  assert.ok(await remote.ready(5000));
  const memory = createMemoryStore({ maxBytes: 10_000_000 });
  const store = createTieredStore({ memory, remote, softTimeoutMs: 1000, hardTimeoutMs: 5000 });
  defer(t, () => store.close());
  return store;
});
