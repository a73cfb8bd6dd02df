import { Histogram } from "./histogram.ts";
import type { MetricKind, Sample } from "./metrics.ts";

/** A metric, or a part of it, over the whole run and all processes. */
export interface Total {
  readonly name: string;
  readonly kind: MetricKind;
  readonly isTime: boolean;
  /** Of a counter: all values; of a trend too. */
  sum: number;
  /** Of a rate: values that were not 0. */
  passes: number;
  /** Of a rate: all values. */
  total: number;
  /** Of a gauge. */
  value: number;
  min: number;
  max: number;
  at: number;
  readonly histogram: Histogram | undefined;
}

/** Adds what a process has counted. */
export function addSample(totals: Map<string, Total>, { name, isTime, counted }: Sample): void {
  let total = totals.get(name);
  if (total === undefined) totals.set(name, (total = emptyTotal(name, counted.kind, isTime)));
  // Two processes that name different kinds alike: the first counts.
  if (total.kind !== counted.kind) return;
  switch (counted.kind) {
    case "counter":
      total.sum += counted.sum;
      break;
    case "rate":
      total.passes += counted.passes;
      total.total += counted.total;
      break;
    case "gauge":
      if (counted.at >= total.at) {
        total.at = counted.at;
        total.value = counted.value;
      }
      total.min = Math.min(total.min, counted.min);
      total.max = Math.max(total.max, counted.max);
      break;
    default:
      total.histogram?.add(counted.histogram);
  }
}

/** A metric nothing was counted of yet. */
export function emptyTotal(name: string, kind: MetricKind, isTime: boolean): Total {
  return {
    name,
    kind,
    isTime,
    sum: 0,
    passes: 0,
    total: 0,
    value: 0,
    min: Infinity,
    max: -Infinity,
    at: 0,
    histogram: kind === "trend" ? new Histogram() : undefined,
  };
}

/**
 * A statistic by k6's name: `avg`, `min`, `med`, `max`, `p(95)`, `count`, `rate`, `value`. Undefined where the kind of metric has none
 * of that name.
 */
export function statisticOf(total: Total, name: string, seconds: number): number | undefined {
  const { histogram } = total;
  if (total.kind === "counter") {
    return name === "count" ? total.sum : name === "rate" ? total.sum / Math.max(seconds, 1e-3) : undefined;
  }
  if (total.kind === "rate") return name === "rate" ? total.passes / Math.max(1, total.total) : undefined;
  if (total.kind === "gauge") {
    const found: Readonly<Record<string, number>> = { value: total.value, min: total.min, max: total.max };
    return found[name];
  }
  if (histogram === undefined) return undefined;
  const percentile = /^p\((\d+(?:\.\d+)?)\)$/.exec(name)?.[1];
  if (percentile !== undefined) return histogram.quantile(Number(percentile) / 100);
  const isEmpty = histogram.count === 0;
  const found: Readonly<Record<string, number>> = {
    avg: histogram.mean,
    min: isEmpty ? 0 : histogram.min,
    max: isEmpty ? 0 : histogram.max,
    med: histogram.quantile(0.5),
    count: histogram.count,
  };
  return found[name];
}
