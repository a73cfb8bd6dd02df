export { createStoreFromSettings, type ServerStore, type StoreSettings } from "./create-store.ts";
export type { Flight, FlightLock, FlightOptions } from "./flight-lock.ts";
export { createMemcachedStore, type MemcachedTierOptions, openMemcachedTier } from "./memcached/index.ts";
export { createMemoryStore, type MemoryStore, type MemoryStoreOptions } from "./memory/index.ts";
export { createRedisStore, openRedisCache, type RedisTarget, type RedisTierOptions } from "./redis/index.ts";
export type { RemoteCache, RemoteListener } from "./remote.ts";
export type { CacheStore, PurgeSelector, StoredReplies, StoredReply, StoreStats } from "./store.ts";
export {
  type BreakerOptions,
  type BreakerState,
  createRemoteStore,
  createTieredStore,
  type RemoteStats,
  type TieredStore,
  type TieredStoreOptions,
} from "./tiers/index.ts";
