import type { Histogram, MetricsRegistry } from "../../api/source.ts";
import type { ChangeKind, LossReason } from "./change-sink.ts";
import type { FeedState } from "./feed.ts";

/** What is read when metrics are scraped. */
export interface ChangeReadings {
  state(): FeedState;
  lagBytes(): number;
  stalenessMs(): number;
}

/** Declares the metrics of change tracking. */
export function observeChanges(
  metrics: MetricsRegistry,
  read: ChangeReadings,
): {
  readonly delay: ReturnType<Histogram["with"]>;
  counted(kind: ChangeKind): void;
  flushed(reason: LossReason): void;
} {
  const changes = metrics.counter({
    name: "hotpath_changes_total",
    help: "Changes of rows that the database told of.",
    labels: ["kind"],
  });
  const flushes = metrics.counter({
    name: "hotpath_changes_flushes_total",
    help: "Times that every stored reply of the database had to go, since a change may have been missed.",
    labels: ["reason"],
  });
  const delay = metrics.histogram({
    name: "hotpath_changes_delay_seconds",
    help: "From a transaction's commit to the purge of what it made out of date.",
    buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5],
  });
  metrics.gauge(
    { name: "hotpath_changes_state", help: "1 for what change tracking is doing.", labels: ["state"] },
    () => STATES.map((state) => ({ labels: [state], value: state === read.state() ? 1 : 0 })),
  );
  metrics.gauge({ name: "hotpath_changes_lag_bytes", help: "Bytes of the database's log that have not arrived." }, () =>
    read.lagBytes(),
  );
  metrics.gauge(
    { name: "hotpath_changes_staleness_seconds", help: "How old a stored reply may be at most at this moment." },
    () => Math.min(read.stalenessMs() / 1000, LONGEST_SECONDS),
  );
  const kinds = new Map<string, { add(): void }>();
  const reasons = new Map<string, { add(): void }>();
  return {
    delay: delay.with(),
    counted: (kind) => seriesOf(kinds, kind, () => changes.with(kind)).add(),
    flushed: (reason) => seriesOf(reasons, reason, () => flushes.with(reason)).add(),
  };
}

const STATES: readonly FeedState[] = ["connecting", "following", "unavailable", "closed"];

/** Where nothing is known. */
const LONGEST_SECONDS = 1e9;

function seriesOf<Series>(known: Map<string, Series>, name: string, make: () => Series): Series {
  let series = known.get(name);
  if (series === undefined) {
    series = make();
    known.set(name, series);
  }
  return series;
}
