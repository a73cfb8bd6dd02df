import type { MetricsRegistry } from "../api/source.ts";
import type { Address } from "./address.ts";

/** What one upstream source shows of itself. */
export interface ObservedUpstream {
  readonly addresses: readonly Address[];
  readonly waiting: () => number;
}

/** Counts what happens to exchanges. */
export interface UpstreamMetrics {
  /** `outcome`: `whole`, `abandoned` (the client left), or how it failed. */
  exchange(address: Address, outcome: string): void;
  retry(): void;
}

/** Shows a source's state when metrics are read, and answers what counts its exchanges. */
export function observeUpstream(registry: MetricsRegistry, { addresses, waiting }: ObservedUpstream): UpstreamMetrics {
  const perAddress = (name: string, help: string, read: (address: Address) => number): void => {
    registry.gauge({ name, help, labels: ["address"] }, () =>
      addresses.map((address) => ({ labels: [address.origin], value: read(address) })),
    );
  };
  perAddress("hotpath_upstream_in_flight", "Requests under way at an address.", ({ inFlight }) => inFlight);
  perAddress("hotpath_upstream_healthy", "0 while an address is out.", (address) => Number(address.isHealthy()));
  registry.gauge({ name: "hotpath_upstream_waiting", help: "Requests that wait for their turn." }, waiting);
  const exchanges = registry.counter({
    name: "hotpath_upstream_exchanges_total",
    help: "Requests sent to an address, by how they ended.",
    labels: ["address", "outcome"],
  });
  const retries = registry
    .counter({ name: "hotpath_upstream_retries_total", help: "Requests that were sent again." })
    .with();
  const series = new Map<Address, Map<string, { add(): void }>>();
  const seriesOf = (address: Address, outcome: string): { add(): void } => {
    const outcomes = series.get(address) ?? new Map<string, { add(): void }>();
    series.set(address, outcomes);
    const one = outcomes.get(outcome) ?? exchanges.with(address.origin, outcome);
    outcomes.set(outcome, one);
    return one;
  };
  return {
    exchange(address, outcome) {
      (series.get(address)?.get(outcome) ?? seriesOf(address, outcome)).add();
    },
    retry: () => retries.add(),
  };
}
