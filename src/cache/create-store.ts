import type { ServerSettings } from "../api/settings.ts";
import type { Log, MetricsRegistry } from "../api/source.ts";
import type { FlightLock } from "./flight-lock.ts";
import type { NodeLink } from "./node-link.ts";
import { createMemoryStore, type MemoryStore } from "./memory/index.ts";
import type { RemoteCache } from "./remote.ts";
import type { CacheStore, PurgeSelector } from "./store.ts";
import { observeStore, observeTier } from "./store-metrics.ts";
import { createTieredStore, type TieredStore } from "./tiers/index.ts";

/** What the settings make a store by. */
export type StoreSettings = Pick<
  ServerSettings["cache"],
  "memory" | "redis" | "memcached" | "prefix" | "softTimeoutMs" | "hardTimeoutMs" | "maxSharedBytes"
>;

/** The store of a server, with what other nodes bring. */
export interface ServerStore extends CacheStore {
  /** One fetch for all nodes; there with Redis only. */
  readonly flightLock?: FlightLock;
  /** What else the nodes arrange among themselves; there with Redis only. */
  readonly nodes?: NodeLink;
  /**
   * Tells what other nodes removed or replaced, after it left the store: whatever was made from it (a rendered reply) goes, too.
   * At most one listener; never called without a shared tier.
   */
  listen(listener: (removed: PurgeSelector) => void): void;
}

/**
 * Makes the store that the settings ask for: memory, or memory over Redis or Memcached.
 *
 * Waits a moment for the shared tier, then goes on without; it is used as soon as it is there. Loads the client of the one that
 * is configured, and no other.
 *
 * @throws HotpathError HP_OPTION_INVALID for an address that is none
 */
export async function createStoreFromSettings(
  settings: StoreSettings,
  log: Log,
  metrics: MetricsRegistry,
): Promise<ServerStore> {
  const memory = createMemoryStore({ maxBytes: settings.memory });
  observeStore(metrics, memory);
  if (settings.redis !== null) return withRedis(settings, settings.redis, memory, log, metrics);
  if (settings.memcached.length === 0) return { ...memory, listen() {} };
  const { openMemcachedTier } = await import("./memcached/index.ts");
  const { memcached: servers, prefix, maxSharedBytes: maxValueBytes } = settings;
  const remote = openMemcachedTier({ servers, prefix, maxValueBytes, log });
  return join(settings, memory, remote, metrics);
}

/** How long a start waits for the shared tier. */
const START_TIMEOUT_MS = 1000;
/** A lock that is not answered by then is not worth waiting for. */
const LOCK_TIMEOUT_MS = 250;

async function withRedis(
  settings: StoreSettings,
  target: string,
  memory: MemoryStore,
  log: Log,
  metrics: MetricsRegistry,
): Promise<ServerStore> {
  const { createRedisFlightLock, createRedisNodeLink, openRedisTier } = await import("./redis/index.ts");
  const { prefix, maxSharedBytes: maxValueBytes } = settings;
  const { remote, link } = await openRedisTier({ target, prefix, maxValueBytes, log });
  const store = await join(settings, memory, remote, metrics);
  const flightLock = createRedisFlightLock({
    link,
    timeoutMs: Math.min(LOCK_TIMEOUT_MS, settings.hardTimeoutMs),
    isAvailable: () => store.isRemoteAvailable(),
    settled: (key) => store.settled(key),
  });
  const nodes = createRedisNodeLink({
    link,
    timeoutMs: settings.hardTimeoutMs,
    isSettled: () => store.arePurgesSettled(),
  });
  return { ...store, flightLock, nodes };
}

async function join(
  { softTimeoutMs, hardTimeoutMs }: StoreSettings,
  memory: MemoryStore,
  remote: RemoteCache,
  metrics: MetricsRegistry,
): Promise<TieredStore> {
  const store = createTieredStore({ memory, remote, softTimeoutMs, hardTimeoutMs });
  observeTier(metrics, store);
  await remote.ready(START_TIMEOUT_MS);
  return store;
}
