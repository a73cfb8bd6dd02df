import type { Counter, MetricsRegistry } from "../../api/source.ts";
import { observePools } from "../pool-metrics.ts";
import type { Server } from "./server.ts";
import type { Topology } from "./topology.ts";

/**
 * Why a read went where it went. To a replica: `fresh` enough, `token` covered, `waited` for until it was. To the primary: `asked` for by the
 * client, a `foreign` token, `isolation` that replicas lack, all `lagging` beyond the limit, `behind` of the token, `no-replica`. To either:
 * `retried` after a replica had failed.
 */
export type RouteReason =
  | "fresh"
  | "token"
  | "waited"
  | "asked"
  | "foreign"
  | "isolation"
  | "lagging"
  | "behind"
  | "no-replica"
  | "retried";

export interface ReplicaMetrics {
  routed(isReplica: boolean, reason: RouteReason): void;
}

/** Shows every known server when metrics are read, and answers what counts where reads go. */
export function observeReplicas(registry: MetricsRegistry, topology: Topology): ReplicaMetrics {
  const perServer = (name: string, help: string, read: (server: Server) => number | undefined): void => {
    registry.gauge({ name, help, labels: ["server"] }, () =>
      topology.servers.flatMap((server) => {
        const value = read(server);
        return value === undefined || !Number.isFinite(value) ? [] : [{ labels: [server.label], value }];
      }),
    );
  };
  registry.gauge(
    { name: "hotpath_server_role", help: "1 at the role each database server has.", labels: ["server", "role"] },
    () => topology.servers.map((server) => ({ labels: [server.label, topology.roleOf(server)], value: 1 })),
  );
  perServer("hotpath_server_healthy", "0 while a database server does not answer or is out.", (server) =>
    Number(server.report !== undefined && performance.now() >= server.ejectedUntil),
  );
  const ifReplica = (server: Server, value: number | undefined): number | undefined =>
    topology.roleOf(server) === "replica" ? value : undefined;
  perServer("hotpath_replica_lag_seconds", "How old a read of a replica may be, at most.", (server) =>
    ifReplica(server, topology.lagMs(server, performance.now()) / 1000),
  );
  perServer("hotpath_replica_lag_bytes", "Log of the primary that a replica has not replayed.", (server) =>
    ifReplica(server, topology.lagBytes(server)),
  );
  perServer("hotpath_replica_reads_in_flight", "Reads under way on a replica.", (server) =>
    ifReplica(server, server.inFlight),
  );
  perServer("hotpath_server_ejections", "Times that a server was taken out since start.", ({ ejections }) => ejections);
  registry.gauge(
    { name: "hotpath_primary_moves", help: "Times that the primary was found at another address since start." },
    () => topology.moves,
  );
  observePools(registry, topology.servers);

  const routed = registry.counter({
    name: "hotpath_reads_routed_total",
    help: "Reads by the kind of server they went to, and why.",
    labels: ["target", "reason"],
  });
  const series = { replica: new Map<RouteReason, Series>(), primary: new Map<RouteReason, Series>() };
  return {
    routed(isReplica, reason) {
      const target = isReplica ? "replica" : "primary";
      let one = series[target].get(reason);
      if (one === undefined) series[target].set(reason, (one = routed.with(target, reason)));
      one.add();
    },
  };
}

type Series = ReturnType<Counter["with"]>;
