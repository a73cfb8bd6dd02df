import type { Metrics } from "../observe/metrics.ts";
import type { Listener } from "./listener/index.ts";

/** Shows the API listener's connections. */
export function observeConnections(metrics: Metrics, listener: Listener): void {
  metrics.gauge(
    { name: "api_connections", help: "Connections of clients open now." },
    () => listener.connections().open,
  );
  metrics.observedCounter(
    {
      name: "api_connections_refused_total",
      help: "Connections closed as they came: too many in all, or of their address.",
      labels: ["reason"],
    },
    () => {
      const { total, address } = listener.connections().refused;
      return [
        { labels: ["total"], value: total },
        { labels: ["address"], value: address },
      ];
    },
  );
}
