import type { MetricsRegistry } from "../api/source.ts";
import type { Pool } from "./pool/index.ts";

/** Shows a pool's state when metrics are read; costs nothing otherwise. */
export function observePool(metrics: MetricsRegistry, pool: Pool): void {
  const gauge = (name: string, help: string, read: () => number) => metrics.gauge({ name, help }, read);
  const states = ["idle", "busy", "opening"] as const;
  metrics.gauge({ name: "hotpath_pool_connections", help: "Connections by state.", labels: ["state"] }, () => {
    const stats = pool.stats();
    return states.map((state) => ({ labels: [state], value: stats[state] }));
  });
  gauge("hotpath_pool_max_connections", "Connections the pool may open.", () => pool.stats().max);
  gauge("hotpath_pool_waiting", "Calls waiting for a connection.", () => pool.stats().waiting);
  gauge("hotpath_pool_in_flight", "Calls sent whose answer is not complete.", () => pool.stats().inFlight);
  gauge("hotpath_pool_calls", "Calls since start.", () => pool.stats().calls);
  gauge("hotpath_pool_errors", "Calls that failed since start.", () => pool.stats().errors);
  gauge("hotpath_pool_acquire_timeouts", "Calls that found no connection in time.", () => pool.stats().acquireTimeouts);
  gauge("hotpath_pool_connects", "Connections opened since start.", () => pool.stats().opened);
  gauge("hotpath_pool_connect_failures", "Connections that could not be opened.", () => pool.stats().connectFailures);
  gauge("hotpath_pool_reachable", "1 while the database answers.", () => (pool.isReachable() ? 1 : 0));
}
