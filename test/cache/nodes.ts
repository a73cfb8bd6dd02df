import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { createMemoryStore, type MemoryStore } from "../../src/cache/memory/index.ts";
import { openRedisTier, type RedisTier } from "../../src/cache/redis/index.ts";
import { createTieredStore, type TieredStore, type TieredStoreOptions } from "../../src/cache/tiers/index.ts";
import { defer, type TestScope } from "../support/defer.ts";

/** One node's cache: memory over Redis. */
export interface CacheNode {
  readonly store: TieredStore;
  readonly memory: MemoryStore;
  readonly tier: RedisTier;
}

/** Opens a node's cache and waits until it is connected. */
export async function openNode(
  t: TestScope,
  target: string,
  options: Partial<TieredStoreOptions> & { readonly silenceTimeoutMs?: number } = {},
): Promise<CacheNode> {
  const { silenceTimeoutMs = 6000, ...others } = options;
  const tier = await openRedisTier({ target, connectTimeoutMs: 1000, silenceTimeoutMs });
  const memory = createMemoryStore({ maxBytes: 50_000_000 });
  const store = createTieredStore({ memory, remote: tier.remote, ...others });
  defer(t, () => store.close());
  assert.ok(await tier.remote.ready(5000), "Redis is reached");
  return { store, memory, tier };
}

/** Waits until something is so; fails when it is not in time. Answers how long it took. */
export async function until(
  is: () => boolean | Promise<boolean>,
  what: string,
  timeoutMs: number = 5000,
): Promise<number> {
  const startedAt = performance.now();
  while (!(await is())) {
    assert.ok(performance.now() - startedAt < timeoutMs, `${what} within ${timeoutMs} ms`);
    await delay(2);
  }
  return performance.now() - startedAt;
}
