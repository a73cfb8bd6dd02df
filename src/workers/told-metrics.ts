import type { MetricDeclaration } from "../api/source.ts";
import type { MetricFamily } from "../observe/exposition.ts";
import { type Exemplar, HistogramSeries } from "../observe/series.ts";

/** A metric as a worker tells it to the supervisor: what JSON can say. */
export interface ToldFamily {
  readonly type: MetricFamily["type"];
  readonly declaration: MetricDeclaration;
  /** Of a histogram. */
  readonly bounds?: readonly number[];
  readonly samples: readonly ToldSample[];
}

interface ToldSample {
  readonly labels: readonly string[];
  readonly value?: number;
  /** Of a histogram: by bucket, not cumulative. */
  readonly counts?: readonly number[];
  readonly exemplars?: readonly (Exemplar | null)[];
}

/** Says what a registry has, for another process. */
export function tellMetrics(families: readonly MetricFamily[]): ToldFamily[] {
  return families.map(({ declaration: { name, help, labels }, ...family }) => {
    const declaration = { name, help, ...(labels === undefined ? {} : { labels }) };
    if (family.type !== "histogram") return { type: family.type, declaration, samples: family.samples };
    const samples = family.samples.map(({ labels: own, series: { sum, counts, exemplars } }) => ({
      labels: own,
      value: sum,
      counts: Array.from(counts),
      ...(exemplars === undefined ? {} : { exemplars: Array.from(exemplars, (exemplar) => exemplar ?? null) }),
    }));
    return { type: "histogram", declaration, bounds: Array.from(family.bounds), samples };
  });
}

/** The metrics of one worker, and which it is; gone ones have no gauges any more. */
export interface WorkerMetrics {
  readonly slot: string;
  readonly isGone: boolean;
  readonly families: readonly ToldFamily[];
}

/** Label that tells the gauges of workers apart. */
const WORKER = "worker";

/**
 * Makes one registry's worth of what workers tell: counters and histograms are sums over all of them, gone ones included, so that none ever
 * falls; gauges stand beside each other under the label `worker`.
 */
export function mergeMetrics(workers: readonly WorkerMetrics[]): MetricFamily[] {
  const merged = new Map<string, Merged>();
  for (const { slot, isGone, families } of workers) {
    for (const family of families) {
      const { name } = family.declaration;
      let target = merged.get(name);
      if (target === undefined) merged.set(name, (target = { family, samples: new Map(), series: new Map() }));
      // After a reload a metric may have become another; what was counted then is not this one's.
      if (target.family.type !== family.type) continue;
      if (family.type === "gauge") {
        if (!isGone) addGauges(target, slot, family);
      } else addCounts(target, family);
    }
  }
  return [...merged.values()].map(toFamily);
}

interface Merged {
  readonly family: ToldFamily;
  readonly samples: Map<string, { readonly labels: readonly string[]; value: number }>;
  readonly series: Map<string, { readonly labels: readonly string[]; readonly series: HistogramSeries }>;
}

function addGauges({ samples }: Merged, slot: string, family: ToldFamily): void {
  for (const { labels, value = 0 } of family.samples) {
    const own = [slot, ...labels];
    samples.set(JSON.stringify(own), { labels: own, value });
  }
}

function addCounts({ family, samples, series }: Merged, told: ToldFamily): void {
  const isAlike = JSON.stringify(family.bounds) === JSON.stringify(told.bounds);
  for (const sample of told.samples) {
    const { labels, value = 0 } = sample;
    const key = JSON.stringify(labels);
    if (told.type === "counter") {
      const sum = samples.get(key);
      if (sum === undefined) samples.set(key, { labels, value });
      else sum.value += value;
      continue;
    }
    if (!isAlike) continue;
    let sum = series.get(key);
    if (sum === undefined) {
      const empty = new HistogramSeries(Float64Array.from(family.bounds ?? []));
      series.set(key, (sum = { labels, series: empty }));
    }
    addHistogram(sum.series, sample);
  }
}

function addHistogram(sum: HistogramSeries, { value = 0, counts = [], exemplars }: ToldSample): void {
  sum.sum += value;
  for (const [bucket, count] of counts.entries()) {
    sum.counts[bucket] = (sum.counts[bucket] ?? 0) + count;
    const exemplar = exemplars?.[bucket] ?? undefined;
    if (exemplar === undefined) continue;
    sum.exemplars ??= Array.from({ length: sum.counts.length });
    sum.exemplars[bucket] = exemplar;
  }
}

function toFamily({ family, samples, series }: Merged): MetricFamily {
  const { type, declaration } = family;
  if (type === "histogram") {
    return { type, declaration, bounds: family.bounds ?? [], samples: [...series.values()] };
  }
  const labels = type === "gauge" ? [WORKER, ...(declaration.labels ?? [])] : declaration.labels;
  return {
    type,
    declaration: labels === undefined ? declaration : { ...declaration, labels },
    samples: [...samples.values()],
  };
}
