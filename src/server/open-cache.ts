import type { ServerSettings } from "../api/settings.ts";
import type { Log } from "../api/source.ts";
import { createStoreFromSettings, type ServerStore } from "../cache/create-store.ts";
import { type CacheEngine, createCacheEngine } from "../cache/engine/index.ts";
import type { NodeLink } from "../cache/node-link.ts";
import { createCacheMetrics } from "../observe/cache-metrics.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { WorkerLink } from "../workers/link.ts";

/** A cache with its store. */
export interface OpenedCache extends CacheEngine {
  /** Absent: no other node shares it, or none can be told anything. */
  readonly nodes: NodeLink | undefined;
}

/**
 * Opens the cache that the settings ask for; `undefined` when they ask for none.
 *
 * @throws HotpathError HP_OPTION_INVALID for the address of a shared tier that is none.
 */
export async function openCache(
  settings: ServerSettings["cache"],
  log: Log,
  metrics: Metrics,
  worker?: WorkerLink,
): Promise<OpenedCache | undefined> {
  if (!settings.enabled) return undefined;
  const store = await openStore(settings, log, metrics, worker);
  const engine = createCacheEngine({
    store,
    settings: {
      maxEntryBytes: settings.maxEntryBytes,
      maxVariantBytes: Math.floor(settings.memory * VARIANTS_SHARE),
      heuristicFraction: settings.heuristicPercent / 100,
      heuristicMaxMs: settings.heuristicMaxMs,
      staleIfErrorMs: settings.staleIfErrorMs,
      heedsRequests: settings.heedRequests,
      tellsStatus: settings.status,
    },
  });
  createCacheMetrics(metrics, () => engine.stats());
  return {
    ...engine,
    nodes: store.nodes,
    async close() {
      await engine.close();
      await store.close();
    },
  };
}

/** Workers hear of each other's purges through Redis as machines do; without it, through their supervisor. */
async function openStore(
  settings: ServerSettings["cache"],
  log: Log,
  metrics: Metrics,
  worker: WorkerLink | undefined,
): Promise<ServerStore> {
  const store = await createStoreFromSettings(settings, log, metrics);
  if (worker === undefined || settings.redis !== null) return store;
  const { createWorkerStore } = await import("../workers/worker-store.ts");
  return createWorkerStore(store, worker);
}

/** Room for compressed forms, beside that for the replies themselves. */
const VARIANTS_SHARE = 1 / 8;
