import { addressOf } from "../api/database-url.ts";
import type { PostgresSettings } from "../api/settings.ts";
import type { Log, MetricsRegistry } from "../api/source.ts";
import { observeBatches } from "./batch/batch-metrics.ts";
import { observePool } from "./pool-metrics.ts";
import { createPool } from "./pool/index.ts";
import { createReplicaRouter, createSoleRouter, type Router } from "./replicas/index.ts";
import { startupSettings } from "./transaction.ts";

/**
 * Makes what sends a source's reads and writes to its servers, and shows them in metrics. Nothing connects yet.
 *
 * @param isCached a cache in front may be behind of what a client knows.
 */
export function createRouter(settings: PostgresSettings, log: Log, metrics: MetricsRegistry, isCached = false): Router {
  const startup = startupSettings(settings);
  const batches = observeBatches(metrics);
  const urls = [settings.url, ...settings.replicas];
  if (urls.length > 1) {
    const addresses = urls.map((url) => ({ label: addressOf(url), pool: { ...settings.pool, url, startup }, batches }));
    return createReplicaRouter({ settings, addresses, log, metrics });
  }
  const directUrl = settings.changes.url ?? undefined;
  const pool = createPool({ ...settings.pool, url: settings.url, directUrl, startup }, log, batches);
  observePool(metrics, pool);
  return createSoleRouter(pool, {
    url: settings.url,
    tracksPositions: isCached,
    stickyMs: settings.consistency.stickyMs,
  });
}
