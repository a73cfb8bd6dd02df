import type { CacheEngineStats } from "../cache/engine/index.ts";
import type { Metrics } from "./metrics.ts";

/** Declares metrics of the HTTP cache: how requests were answered and what was stored. The stores have metrics of their own. */
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
}
