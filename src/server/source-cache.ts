import type { SourceCache } from "../api/source.ts";
import type { CacheEngine } from "../cache/engine/index.ts";

/** Lends a source the cache in front of it. */
export function createSourceCache(cache: Pick<CacheEngine, "purge">): SourceCache {
  return {
    async purge(tags) {
      if (tags.length > 0) await cache.purge({ kind: "tags", tags });
    },
  };
}
