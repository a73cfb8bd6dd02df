import type { MetricsRegistry } from "../api/source.ts";
import type { MemoryStore } from "./memory/index.ts";
import type { TieredStore } from "./tiers/index.ts";

/** Shows the in-process store when metrics are read. */
export function observeStore(metrics: MetricsRegistry, store: MemoryStore): void {
  const gauge = (name: string, help: string, read: () => number): void => metrics.gauge({ name, help }, read);
  gauge("hotpath_cache_memory_entries", "Keys in memory.", () => store.stats().entries);
  gauge("hotpath_cache_memory_bytes", "Bytes they take.", () => store.stats().bytes);
  gauge("hotpath_cache_memory_max_bytes", "Bytes they may take.", () => store.stats().maxBytes);
  gauge("hotpath_cache_memory_hits", "Lookups that found a reply, since start.", () => store.stats().hits);
  gauge("hotpath_cache_memory_misses", "Lookups that found none, since start.", () => store.stats().misses);
  gauge("hotpath_cache_memory_evictions", "Keys removed for lack of room, since start.", () => store.stats().evictions);
}

/** Shows what becomes of the calls to the shared tier. */
export function observeTier(metrics: MetricsRegistry, store: TieredStore): void {
  const { name: tier } = store.remoteStats();
  const states = ["closed", "half-open", "open"] as const;
  metrics.gauge(
    {
      name: "hotpath_cache_tier_state",
      help: "1 for the state of the breaker before the shared tier.",
      labels: ["tier", "state"],
    },
    () => states.map((state) => ({ labels: [tier, state], value: store.remoteStats().state === state ? 1 : 0 })),
  );
  const outcomes = ["hits", "misses", "softTimeouts", "failures", "refusals", "written", "dropped"] as const;
  metrics.gauge(
    {
      name: "hotpath_cache_tier_calls",
      help: "Calls to the shared tier since start, by what became of them.",
      labels: ["tier", "outcome"],
    },
    () => outcomes.map((outcome) => ({ labels: [tier, LABELS[outcome]], value: store.remoteStats()[outcome] })),
  );
  const gauge = (metric: string, help: string, read: () => number): void =>
    metrics.gauge({ name: metric, help, labels: ["tier"] }, () => [{ labels: [tier], value: read() }]);
  gauge("hotpath_cache_tier_breaker_opened", "How often the breaker opened.", () => store.remoteStats().opened);
  gauge("hotpath_cache_tier_queued_bytes", "Bytes waiting to be written.", () => store.remoteStats().queuedBytes);
  gauge(
    "hotpath_cache_tier_pending_purges",
    "Purges the shared tier has not taken yet.",
    () => store.remoteStats().pendingPurges,
  );
}

const LABELS = {
  hits: "hit",
  misses: "miss",
  softTimeouts: "late",
  failures: "failed",
  refusals: "refused",
  written: "written",
  dropped: "dropped",
} as const;
