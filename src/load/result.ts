import type { EncodedHistogram } from "./histogram.ts";
import type { CheckCount } from "./messages.ts";
import type { MetricKind } from "./metrics.ts";
import type { ServerSeries } from "./server-metrics.ts";
import type { Point } from "./series.ts";
import type { ThresholdResult } from "./thresholds.ts";
import { type Total, statisticOf } from "./totals.ts";

/** Everything a run has found, as it is written to a file and read again. */
export interface LoadResult {
  readonly format: "hotpath-load/1";
  readonly title: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly seconds: number;
  readonly command: string;
  readonly version: string;
  readonly machine: { readonly node: string; readonly cores: number; readonly processor: string };
  readonly workers: number;
  readonly scenarios: readonly ScenarioWords[];
  readonly metrics: Readonly<Record<string, MetricResult>>;
  readonly thresholds: readonly ThresholdResult[];
  readonly checks: readonly CheckCount[];
  readonly requests: readonly NamedResult[];
  readonly stepSeconds: number;
  readonly points: readonly Point[];
  /** Why the generator, rather than the server, may have set the limits; empty: it did not. */
  readonly warnings: readonly string[];
  /** What ended the run before its time. */
  readonly aborted: string | undefined;
  /** Metrics of the server meanwhile, where it is a hotpath that could be asked. */
  readonly server: ServerSeries | undefined;
}

export interface ScenarioWords {
  readonly name: string;
  readonly executor: string;
  readonly words: string;
}

export interface MetricResult {
  readonly kind: MetricKind;
  readonly isTime: boolean;
  /** By k6's names. */
  readonly values: Readonly<Record<string, number>>;
  readonly histogram?: EncodedHistogram;
}

export interface NamedResult {
  readonly method: string;
  readonly name: string;
  readonly count: number;
  readonly failures: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly errors: Readonly<Record<string, number>>;
  readonly avg: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** Statistics of a trend that results always have, whatever a summary shows. */
const ALWAYS = ["avg", "min", "med", "max", "p(90)", "p(95)", "p(99)", "p(99.9)", "count"];
const STATISTICS: Readonly<Record<Exclude<MetricKind, "trend">, readonly string[]>> = {
  counter: ["count", "rate"],
  gauge: ["value", "min", "max"],
  rate: ["rate"],
};

/** A metric in the form of a result. */
export function toMetricResult(total: Total, seconds: number, more: readonly string[] = []): MetricResult {
  const names = total.kind === "trend" ? [...new Set([...ALWAYS, ...more])] : STATISTICS[total.kind];
  const values: Record<string, number> = {};
  for (const name of names) {
    const value = statisticOf(total, name, seconds);
    if (value !== undefined && Number.isFinite(value)) values[name] = value;
  }
  if (total.kind === "rate") Object.assign(values, { passes: total.passes, fails: total.total - total.passes });
  return {
    kind: total.kind,
    isTime: total.isTime,
    values,
    ...(total.histogram !== undefined && { histogram: total.histogram.encode() }),
  };
}
