import type { Metrics } from "../observe/metrics.ts";
import { type Listener, listenerDefaults, type ListenerSettings } from "./listener/index.ts";

/** Shows the API listener's connections and its request memo: what they hold, what they may, and what was turned away. */
export function observeConnections(metrics: Metrics, listener: Listener, bounds: ConnectionBounds): void {
  metrics.gauge(
    { name: "api_connections", help: "Connections of clients open now." },
    () => listener.connections().open,
  );
  metrics.gauge(
    { name: "api_connections_max", help: "Connections that clients may have open at once; 0: as many as they like." },
    () => bounds.maxConnections ?? listenerDefaults.maxConnections,
  );
  metrics.observedCounter(
    { name: "api_connections_accepted_total", help: "Connections that were let in." },
    () => listener.connections().accepted,
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
  metrics.observedCounter(
    { name: "hotpath_memo_hits_total", help: "Requests answered by the request memo, without the walk." },
    () => listener.memo().hits,
  );
  metrics.gauge(
    { name: "hotpath_memo_entries", help: "Requests that the request memo knows, with a reply or not yet." },
    () => listener.memo().entries,
  );
  metrics.gauge({ name: "hotpath_memo_bytes", help: "What the request memo holds." }, () => listener.memo().bytes);
  metrics.gauge(
    { name: "hotpath_memo_max_bytes", help: "What the request memo may hold." },
    () => bounds.memoBytes ?? listenerDefaults.memoBytes,
  );
}

/** What the listener may hold; absent: its defaults. */
export type ConnectionBounds = Pick<ListenerSettings, "maxConnections" | "memoBytes">;
