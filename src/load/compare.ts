import { HEAT_LEAST_MS, HEAT_ROWS_A_POWER } from "./heat-rows.ts";
import type { LoadResult } from "./result.ts";
import type { Point } from "./series.ts";

/** How one figure of a run stands to that of another. */
export interface Comparison {
  readonly name: string;
  readonly unit: "ms" | "requests/s" | "share";
  readonly before: number;
  readonly after: number;
  /** After over before; of shares, after less before. */
  readonly change: number;
  /** Bounds of the change with 95% confidence. */
  readonly low: number;
  readonly high: number;
  readonly verdict: "better" | "worse" | "same" | "unclear";
}

export interface ComparisonOptions {
  /** A change of less is none: 0.05 is 5%. */
  readonly tolerance: number;
  /** Of failed requests, in absolute terms. */
  readonly failureTolerance: number;
}

const RESAMPLES = 1000;
/** Fewer seconds say too little about how a figure varies. */
export const LEAST_POINTS = 8;

/**
 * Compares two runs. How far a figure may be off is found by drawing whole seconds of the run again and again (a bootstrap of blocks):
 * requests of one second are alike, and taking each for a sample of its own would make differences of nothing look certain.
 */
export function compareRuns(before: LoadResult, after: LoadResult, options: ComparisonOptions): Comparison[] {
  const first = inner(before);
  const second = inner(after);
  const isOpen = [before, after].some(({ scenarios }) =>
    scenarios.some(({ executor }) => executor.endsWith("arrival-rate")),
  );
  const comparisons: Comparison[] = [];
  for (const [name, share] of [
    ["p50", 0.5],
    ["p95", 0.95],
    ["p99", 0.99],
  ] as const) {
    const exact = (result: LoadResult): number =>
      result.metrics["http_req_duration"]?.values[share === 0.5 ? "med" : `p(${share * 100})`] ?? 0;
    const draws = (points: readonly Point[]): number[] => {
      const whole = quantileOf(points, share);
      return resample(points, (drawn) => quantileOf(drawn, share) / whole);
    };
    comparisons.push(
      byRatio(name, "ms", exact(before), exact(after), draws(first), draws(second), options.tolerance, "less"),
    );
  }
  // An open model sends what it is told to; more would be no merit.
  if (!isOpen) {
    const draws = (points: readonly Point[]): number[] =>
      resample(points, (drawn) => mean(drawn) / Math.max(1e-9, mean(points)));
    comparisons.push(
      byRatio(
        "throughput",
        "requests/s",
        rate(before),
        rate(after),
        draws(first),
        draws(second),
        options.tolerance,
        "more",
      ),
    );
  }
  comparisons.push(ofFailures(first, second, options.failureTolerance));
  return comparisons;
}

/** Without the first and the last step, where a run is not yet, or no longer, itself. */
function inner({ points }: LoadResult): readonly Point[] {
  return points.length > LEAST_POINTS ? points.slice(1, -1) : points;
}

function byRatio(
  name: string,
  unit: Comparison["unit"],
  before: number,
  after: number,
  first: readonly number[],
  second: readonly number[],
  tolerance: number,
  better: "less" | "more",
): Comparison {
  const change = before === 0 ? 1 : after / before;
  const ratios = first.map((one, at) => (change * second[at]!) / one).sort((a, b) => a - b);
  const low = ratios[Math.floor(RESAMPLES * 0.025)]!;
  const high = ratios[Math.ceil(RESAMPLES * 0.975) - 1]!;
  const isUp = low > 1 + tolerance;
  const isDown = high < 1 - tolerance;
  const isSame = low > 1 - tolerance && high < 1 + tolerance;
  const verdict = isUp
    ? better === "more"
      ? "better"
      : "worse"
    : isDown
      ? better === "more"
        ? "worse"
        : "better"
      : isSame
        ? "same"
        : "unclear";
  return { name, unit, before, after, change, low, high, verdict };
}

function ofFailures(first: readonly Point[], second: readonly Point[], tolerance: number): Comparison {
  const [a, b] = [resample(first, share), resample(second, share)];
  const changes = a.map((one, at) => b[at]! - one).sort((x, y) => x - y);
  const low = changes[Math.floor(RESAMPLES * 0.025)]!;
  const high = changes[Math.ceil(RESAMPLES * 0.975) - 1]!;
  const before = share(first);
  const after = share(second);
  const verdict =
    low > tolerance
      ? "worse"
      : high < -tolerance
        ? "better"
        : low >= -tolerance && high <= tolerance
          ? "same"
          : "unclear";
  return { name: "failed", unit: "share", before, after, change: after - before, low, high, verdict };
}

function mean(points: readonly Point[]): number {
  return points.reduce((sum, { requests }) => sum + requests, 0) / Math.max(1, points.length);
}

function rate(result: LoadResult): number {
  return result.metrics["http_reqs"]?.values["rate"] ?? 0;
}

function share(points: readonly Point[]): number {
  const requests = points.reduce((sum, point) => sum + point.requests, 0);
  return requests === 0 ? 0 : points.reduce((sum, point) => sum + point.failures, 0) / requests;
}

/** A figure of the seconds of a run, drawn with replacement again and again. The same each time that it is asked. */
function resample(points: readonly Point[], figure: (points: readonly Point[]) => number): number[] {
  if (points.length === 0) return Array.from({ length: RESAMPLES }, () => 1);
  const random = createRandom(points.length);
  return Array.from({ length: RESAMPLES }, () =>
    figure(Array.from(points, () => points[Math.floor(random() * points.length)]!)),
  );
}

/** A quantile by the rows of heat maps, between whose bounds it is placed by its share. */
function quantileOf(points: readonly Point[], share: number): number {
  const rows: number[] = [];
  let total = 0;
  for (const { heat } of points) {
    for (let at = 0; at + 1 < heat.length; at += 2) {
      rows[heat[at]!] = (rows[heat[at]!] ?? 0) + heat[at + 1]!;
      total += heat[at + 1]!;
    }
  }
  const rank = share * total;
  let seen = 0;
  for (let row = 0; row < rows.length; row++) {
    const count = rows[row] ?? 0;
    if (count > 0 && seen + count >= rank)
      return HEAT_LEAST_MS * 10 ** ((row - 1 + (rank - seen) / count) / HEAT_ROWS_A_POWER);
    seen += count;
  }
  return HEAT_LEAST_MS;
}

/** mulberry32 */
function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
