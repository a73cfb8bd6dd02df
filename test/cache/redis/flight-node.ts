// One of several processes that all miss the same key at once: `node flight-node.ts REDIS_URL UPSTREAM_URL KEY CALLS`.
import { createMemoryStore } from "../../../src/cache/memory/index.ts";
import { createRedisFlightLock, openRedisTier } from "../../../src/cache/redis/index.ts";
import { createTieredStore } from "../../../src/cache/tiers/index.ts";
import { contents } from "../contract.ts";
import { makeReply } from "../replies.ts";

const [target = "", upstream = "", key = "", calls = ""] = process.argv.slice(2);
const { remote, link } = await openRedisTier({ target });
const memory = createMemoryStore({ maxBytes: 1e7 });
const store = createTieredStore({ memory, remote, softTimeoutMs: 2000, hardTimeoutMs: 5000 });
const lock = createRedisFlightLock({
  link,
  timeoutMs: 5000,
  isAvailable: () => store.isRemoteAvailable(),
  settled: (key) => store.settled(key),
});
await remote.ready(5000);

process.once("message", () => void run());
process.send?.("ready");

async function run(): Promise<void> {
  const bodies = await Promise.all(Array.from({ length: Number(calls) }, answer));
  await store.close();
  process.send?.([...new Set(bodies)]);
}

async function answer(): Promise<string> {
  const startedAt = performance.now();
  let isFirst = true;
  for (;;) {
    const [found] = contents(await store.get(key));
    if (found !== undefined) return found;
    const missedForMs = isFirst ? performance.now() - startedAt : 0;
    isFirst = false;
    const flight = await lock.acquire(key, { ttlMs: 10_000, waitMs: 10_000, missedForMs });
    if (flight.state === "done") continue;
    const requestedAtMs = Date.now();
    const body = await (await fetch(upstream)).text();
    store.put(key, makeReply({ body, nowMs: requestedAtMs }));
    if (flight.state === "held") await flight.release();
    return body;
  }
}
