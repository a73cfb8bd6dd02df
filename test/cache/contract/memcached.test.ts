import { randomUUID } from "node:crypto";
import { after, type TestContext } from "node:test";
import { createMemcachedStore, openMemcachedTier } from "../../../src/cache/memcached/index.ts";
import { createMemoryStore } from "../../../src/cache/memory/index.ts";
import { createTieredStore } from "../../../src/cache/tiers/index.ts";
import { defer } from "../../support/defer.ts";
import { startMemcached } from "../../support/memcached.ts";
import { testStoreContract } from "../contract.ts";

const file = { after };
// Inside a test `after` would mean that test: the file's own hook has to be set before.
defer(file, () => undefined);

const patience = { softTimeoutMs: 1000, hardTimeoutMs: 5000 };
let servers: Promise<(string | undefined)[]> | undefined;

async function startServers(t: TestContext): Promise<string[] | undefined> {
  servers ??= Promise.all([startMemcached(t, file), startMemcached(t, file)]);
  const started = (await servers).filter((server) => server !== undefined);
  return started.length === 2 ? started : undefined;
}

testStoreContract("Memcached", async (t) => {
  const started = await startServers(t);
  if (started === undefined) return undefined;
  const store = await createMemcachedStore({ servers: started, prefix: randomUUID(), ...patience });
  defer(t, () => store.close());
  return store;
});

testStoreContract("memory over Memcached", async (t) => {
  const started = await startServers(t);
  if (started === undefined) return undefined;
  const remote = openMemcachedTier({ servers: started, prefix: randomUUID() });
  await remote.ready(2000);
  const store = createTieredStore({ memory: createMemoryStore({ maxBytes: 10_000_000 }), remote, ...patience });
  defer(t, () => store.close());
  return store;
});
