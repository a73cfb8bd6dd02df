import type { CacheEngineStats } from "../cache/engine/index.ts";
import type { Metrics } from "./metrics.ts";

/** Declares metrics of the HTTP cache: how requests were answered, what was stored, and what the in-process store holds. */
export function createCacheMetrics(metrics: Metrics, read: () => CacheEngineStats): void {
  metrics.observedCounter(
    {
      name: "hotpath_cache_requests_total",
      help: "Requests that the cache was asked for: `hit` fresh, `stale` used stale, `collapsed` shared another's fetch, `revalidated` confirmed by a 304, `miss` the rest.",
      labels: ["result"],
    },
    () => {
      const { hits, staleHits, collapsed, revalidations, misses } = read();
      return [
        { labels: ["hit"], value: hits - staleHits },
        { labels: ["stale"], value: staleHits },
        { labels: ["collapsed"], value: collapsed },
        { labels: ["revalidated"], value: revalidations },
        { labels: ["miss"], value: Math.max(0, misses - revalidations) },
      ];
    },
  );
  metrics.observedCounter(
    {
      name: "hotpath_cache_refreshes_total",
      help: "Refreshes behind the backs of clients.",
      labels: ["result"],
    },
    () => {
      const { refreshes, failedRefreshes } = read();
      return [
        { labels: ["failed"], value: failedRefreshes },
        { labels: ["begun"], value: refreshes },
      ];
    },
  );
  metrics.observedCounter({ name: "hotpath_cache_stored_total", help: "Replies stored." }, () => read().stored);
  metrics.observedCounter(
    { name: "hotpath_cache_outrun_total", help: "Replies not stored because a purge came while they were fetched." },
    () => read().outrun,
  );
  metrics.observedCounter(
    { name: "hotpath_cache_evictions_total", help: "Entries that had to make room for others." },
    () => read().store.evictions,
  );
  metrics.gauge(
    { name: "hotpath_cache_entries", help: "Entries in the in-process store." },
    () => read().store.entries,
  );
  metrics.gauge({ name: "hotpath_cache_bytes", help: "Bytes in the in-process store." }, () => read().store.bytes);
  metrics.gauge(
    { name: "hotpath_cache_max_bytes", help: "Room of the in-process store." },
    () => read().store.maxBytes,
  );
}
