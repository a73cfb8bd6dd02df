import type { CacheStore } from "../store.ts";
import { createGuard, type GuardOptions } from "./guard.ts";

/** A remote cache as a store of its own, without copies in this process. Where it is slow or gone it is empty. */
export function createRemoteStore(options: GuardOptions): CacheStore {
  const { remote } = options;
  const guard = createGuard(options);
  let hits = 0;
  let misses = 0;
  return {
    async get(key) {
      const replies = await guard.read(key, () => undefined);
      if (replies === undefined || replies.length === 0) {
        misses++;
        return undefined;
      }
      hits++;
      return replies;
    },
    async put(key, reply) {
      await guard.write(() => remote.write(key, reply));
    },
    purge: async (selector) => (await guard.remove(selector)) ?? 0,
    stats: () => ({ entries: 0, bytes: 0, maxBytes: 0, hits, misses, evictions: 0 }),
    close: () => remote.close(),
  };
}
