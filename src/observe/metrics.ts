import type { Counter, Histogram, LabelledValue, MetricDeclaration, MetricsRegistry } from "../api/source.ts";
import { HotpathError } from "../errors.ts";
import { formatMetrics, type MetricFamily, type MetricsFormat } from "./exposition.ts";
import { CounterSeries, HistogramSeries } from "./series.ts";
import { createSeriesTable, type SeriesTable } from "./series-table.ts";

/** Where metrics are declared and rendered. */
export interface Metrics extends MetricsRegistry {
  /** A counter that something else keeps, read when metrics are scraped. */
  observedCounter(declaration: MetricDeclaration, read: MetricRead): void;
  /** A histogram that something else keeps, read when metrics are scraped. */
  observedHistogram(
    declaration: MetricDeclaration & { readonly buckets: readonly number[] },
    read: () => readonly { readonly labels: readonly string[]; readonly series: HistogramSeries }[],
  ): void;
  /** Those whose names match, as they are now. */
  read(names: RegExp): readonly MetricFamily[];
  /** All metrics as text; Prometheus's format 0.0.4 unless told otherwise. */
  render(format?: MetricsFormat): string;
}

/** What a gauge or an observed counter answers when metrics are scraped: one value, or one for each label set. */
export type MetricRead = () => number | readonly LabelledValue[];

/**
 * An empty registry.
 *
 * A metric keeps at most `maxSeries` label sets (default 10,000); any further set counts into one whose labels are
 * all `other`, and `metrics_series_overflow_total` tells how often that happened. A gauge that throws is left out of
 * the scrape and counted in `metrics_read_errors_total`.
 *
 * Declaring throws HotpathError `HP_OPTION_INVALID` for names Prometheus does not allow and names declared twice.
 */
export function createMetrics(options: { readonly maxSeries?: number } = {}): Metrics {
  const maxSeries = options.maxSeries ?? DEFAULT_MAX_SERIES;
  const families = new Map<string, () => MetricFamily>();

  function declare(declaration: MetricDeclaration, family: () => MetricFamily): void {
    checkNames(declaration);
    if (families.has(declaration.name)) throw invalid(`The metric ${declaration.name} is declared twice.`);
    families.set(declaration.name, family);
  }

  function tableOf<Series>({ name, labels = [] }: MetricDeclaration, create: () => Series): SeriesTable<Series> {
    return createSeriesTable({ name, labels, maxSeries, create, onOverflow: () => overflows.with(name).add() });
  }

  function counter(declaration: MetricDeclaration): Counter {
    const table = tableOf(declaration, () => new CounterSeries());
    declare(declaration, () => {
      const samples = table.entries().map(([labels, { value }]) => ({ labels, value }));
      return { type: "counter", declaration, samples };
    });
    return { with: (...labels) => table.get(labels) };
  }

  function histogram(declaration: MetricDeclaration & { readonly buckets: readonly number[] }): Histogram {
    const bounds = checkBuckets(declaration);
    const table = tableOf(declaration, () => new HistogramSeries(bounds));
    declare(declaration, () => {
      const samples = table.entries().map(([labels, series]) => ({ labels, series }));
      return { type: "histogram", declaration, bounds, samples };
    });
    return { with: (...labels) => table.get(labels) };
  }

  function observed(type: "gauge" | "counter", declaration: MetricDeclaration, read: MetricRead): void {
    declare(declaration, () => {
      try {
        const value = read();
        const samples = typeof value === "number" ? [{ labels: [], value }] : value.slice(0, maxSeries);
        return { type, declaration, samples };
      } catch {
        readErrors.with(declaration.name).add();
        return { type, declaration, samples: [] };
      }
    });
  }

  const overflows = counter({
    name: "metrics_series_overflow_total",
    help: "Look-ups of label sets beyond the bound of their metric; they count under labels `other`.",
    labels: ["metric"],
  });
  const readErrors = counter({
    name: "metrics_read_errors_total",
    help: "Gauges that failed when they were read for a scrape.",
    labels: ["metric"],
  });

  return {
    counter,
    histogram,
    gauge: (declaration, read) => observed("gauge", declaration, read),
    observedCounter: (declaration, read) => observed("counter", declaration, read),
    observedHistogram(declaration, read) {
      const bounds = checkBuckets(declaration);
      declare(declaration, () => ({ type: "histogram", declaration, bounds, samples: read() }));
    },
    read: (names) => [...families].filter(([name]) => names.test(name)).map(([, family]) => family()),
    render(format = "prometheus") {
      // The registry's own counters were declared first but are told last: reading the others may raise them.
      const [overflow, errors, ...others] = families.values();
      const read = others.map((family) => family());
      return formatMetrics([...read, ...[overflow, errors].flatMap((family) => family?.() ?? [])], format);
    },
  };
}

const DEFAULT_MAX_SERIES = 10_000;
const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL_NAME = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/;

function checkNames({ name, labels = [] }: MetricDeclaration): void {
  if (!METRIC_NAME.test(name)) throw invalid(`"${name}" is no name for a metric.`);
  for (const label of labels) {
    // `le` is what a histogram's buckets are labelled with.
    if (!LABEL_NAME.test(label) || label === "le") throw invalid(`"${label}" is no name for a label of ${name}.`);
  }
}

function checkBuckets({ name, buckets }: { readonly name: string; readonly buckets: readonly number[] }): Float64Array {
  const bounds = Float64Array.from(buckets);
  const isRising = bounds.every((bound, at) => Number.isFinite(bound) && (at === 0 || bound > (bounds[at - 1] ?? 0)));
  if (bounds.length === 0 || !isRising) throw invalid(`The buckets of ${name} are not finite and rising.`);
  return bounds;
}

function invalid(message: string): HotpathError {
  return new HotpathError("HP_OPTION_INVALID", message, { todo: "Correct the metric's declaration." });
}
