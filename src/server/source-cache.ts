import type { SourceCache } from "../api/source.ts";
import type { OpenedCache } from "./open-cache.ts";

/** Lends a source the cache in front of it. */
export function createSourceCache(cache: Pick<OpenedCache, "purge" | "nodes">): SourceCache {
  return {
    async purge(tags) {
      if (tags.length > 0) await cache.purge({ kind: "tags", tags });
    },
    nodes: cache.nodes,
  };
}
