// In-process caches of other packages behind one shape: `{ get(key), set(key, value) }`, synchronous where theirs is.
import { BentoCache, bentostore } from "bentocache";
import { memoryDriver } from "bentocache/drivers/memory";
import { CacheableMemory } from "cacheable";
import { LRUCache } from "lru-cache";

const TTL_MS = 3_600_000;

/** Bounded by a number of entries, which is what all of them can do. */
export const RIVALS = [
  {
    name: "lru-cache",
    create: (max) => new LRUCache({ max, ttl: TTL_MS }),
  },
  {
    name: "lru-cache, in bytes",
    create: (max, valueBytes) =>
      new LRUCache({ maxSize: max * valueBytes, sizeCalculation: (reply) => reply.body.byteLength, ttl: TTL_MS }),
  },
  {
    name: "cacheable (memory)",
    create: (max) => new CacheableMemory({ lruSize: max, useClone: false, ttl: TTL_MS, checkInterval: 0 }),
  },
  {
    name: "bentocache (memory)",
    isAsync: true,
    create(max) {
      const store = bentostore().useL1Layer(memoryDriver({ maxItems: max, serialize: false }));
      const cache = new BentoCache({ default: "memory", stores: { memory: store }, ttl: TTL_MS });
      return {
        get: (key) => cache.get({ key }),
        set: (key, value) => cache.set({ key, value }),
      };
    },
  },
];
