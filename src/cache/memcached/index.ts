export { createMemcachedStore, type MemcachedTierOptions, openMemcachedTier } from "./memcached-tier.ts";
