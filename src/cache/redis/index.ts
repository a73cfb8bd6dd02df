export { createRedisNodeLink, type RedisNodeLinkOptions } from "./redis-node-link.ts";
export { createRedisFlightLock, type RedisFlightLockOptions } from "./redis-flight-lock.ts";
export {
  createRedisStore,
  openRedisCache,
  openRedisTier,
  type RedisTier,
  type RedisTierOptions,
} from "./redis-tier.ts";
export { parseRedisUrl, type RedisTarget } from "./target.ts";
