export {
  type CacheEngine,
  type CacheEngineOptions,
  type BrowsedReply,
  type CacheEngineStats,
  createCacheEngine,
} from "./engine.ts";
export type { EngineCounts, Resolve } from "./context.ts";
export { CACHE_ENGINE_DEFAULTS, type CacheEngineSettings } from "./settings.ts";
