import type { MetricsRegistry } from "../api/source.ts";
import type { Pool, PoolStats } from "./pool/index.ts";

/** Shows a pool's state when metrics are read; costs nothing otherwise. */
export function observePool(metrics: MetricsRegistry, pool: Pool): void {
  observe(metrics, [], [{ labels: [], pool }]);
}

/** Shows the pools of several servers, each under its label. */
export function observePools(
  metrics: MetricsRegistry,
  servers: readonly { readonly label: string; readonly pool: Pool }[],
): void {
  observe(
    metrics,
    ["server"],
    servers.map(({ label, pool }) => ({ labels: [label], pool })),
  );
}

interface ObservedPool {
  readonly labels: readonly string[];
  readonly pool: Pool;
}

function observe(metrics: MetricsRegistry, labels: readonly string[], pools: readonly ObservedPool[]): void {
  const gauge = (name: string, help: string, read: (stats: PoolStats, pool: Pool) => number): void => {
    metrics.gauge({ name, help, labels }, () =>
      pools.map((each) => ({ labels: each.labels, value: read(each.pool.stats(), each.pool) })),
    );
  };
  const states = ["idle", "busy", "opening"] as const;
  const declaration = { name: "hotpath_pool_connections", help: "Connections by state.", labels: [...labels, "state"] };
  metrics.gauge(declaration, () =>
    pools.flatMap((each) => {
      const stats = each.pool.stats();
      return states.map((state) => ({ labels: [...each.labels, state], value: stats[state] }));
    }),
  );
  gauge("hotpath_pool_max_connections", "Connections the pool may open.", ({ max }) => max);
  gauge("hotpath_pool_waiting", "Calls waiting for a connection.", ({ waiting }) => waiting);
  gauge("hotpath_pool_in_flight", "Calls sent whose answer is not complete.", ({ inFlight }) => inFlight);
  gauge("hotpath_pool_calls", "Calls since start.", ({ calls }) => calls);
  gauge("hotpath_pool_errors", "Calls that failed since start.", ({ errors }) => errors);
  gauge("hotpath_pool_acquire_timeouts", "Calls that found no connection in time.", (stats) => stats.acquireTimeouts);
  gauge("hotpath_pool_connects", "Connections opened since start.", ({ opened }) => opened);
  gauge("hotpath_pool_connect_failures", "Connections that could not be opened.", (stats) => stats.connectFailures);
  gauge("hotpath_pool_reachable", "1 while the database answers.", (_, pool) => Number(pool.isReachable()));
}
