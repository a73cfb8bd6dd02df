import { HotpathError } from "../errors.ts";
import type { MetricKind, PartName } from "./metrics.ts";
import { type Total, statisticOf } from "./totals.ts";

/** A condition on a metric that decides whether a run has passed. */
export interface Threshold {
  /** The metric, or a part of it, as written: `http_req_duration{status:200}`. */
  readonly metric: string;
  /** As written: `p(95)<500`. */
  readonly condition: string;
  readonly statistic: string;
  readonly operator: string;
  readonly limit: number;
  readonly abortsOnFail: boolean;
  readonly delayMs: number;
}

export interface ThresholdResult {
  readonly metric: string;
  readonly condition: string;
  readonly passed: boolean;
  /** Absent: the metric was never counted, which passes, as in k6. */
  readonly value: number | undefined;
}

const CONDITION =
  /^\s*(avg|min|med|max|count|rate|value|p\(\s*\d+(?:\.\d+)?\s*\))\s*(===|==|!=|<=|>=|<|>)\s*([-+]?\d+(?:\.\d*)?(?:e[-+]?\d+)?)\s*$/i;

/** Which statistics a kind of metric has. */
const STATISTICS: Readonly<Record<MetricKind, RegExp>> = {
  counter: /^(count|rate)$/,
  gauge: /^(value|min|max)$/,
  rate: /^rate$/,
  trend: /^(avg|min|med|max|count|p\(.*\))$/,
};

/**
 * Reads k6's `thresholds`.
 *
 * @throws HotpathError HP_LOAD_OPTIONS where a condition cannot be read
 */
export function parseThresholds(value: unknown): Threshold[] {
  if (value === undefined || value === null) return [];
  if (typeof value !== "object") throw invalid("thresholds", value);
  return Object.entries(value).flatMap(([metric, conditions]) => {
    parsePartName(metric);
    if (!Array.isArray(conditions)) throw invalid(metric, conditions);
    return conditions.map((condition: unknown) => parseThreshold(metric, condition));
  });
}

function parseThreshold(metric: string, given: unknown): Threshold {
  const entry = typeof given === "string" ? { threshold: given } : (given as Readonly<Record<string, unknown>> | null);
  const condition = entry?.["threshold"];
  if (typeof condition !== "string") throw invalid(metric, given);
  const match = CONDITION.exec(condition);
  if (match === null) throw invalid(metric, condition);
  const [, statistic = "", operator = "", limit = ""] = match;
  const delay = entry?.["delayAbortEval"];
  return {
    metric,
    condition,
    statistic: statistic.replaceAll(" ", ""),
    operator,
    limit: Number(limit),
    abortsOnFail: entry?.["abortOnFail"] === true,
    delayMs: delay === undefined || delay === null ? 0 : parseLoadDuration(delay),
  };
}

/** Splits `name{tag:value,…}`. */
export function parsePartName(name: string): PartName {
  const match = /^([^{}]+?)(?:\{([^}]*)\})?$/.exec(name.trim());
  if (match === null) throw invalid("thresholds", name);
  const [, metric = "", inner = ""] = match;
  const tags = inner
    .split(",")
    .filter((part) => part.trim() !== "")
    .map((part): readonly [string, string] => {
      const colon = part.indexOf(":");
      const [tag, value] = colon < 0 ? [part, ""] : [part.slice(0, colon), part.slice(colon + 1)];
      return [tag.trim(), value.trim().replace(/^(["'])(.*)\1$/, "$2")];
    });
  return { metric, tags, name: name.trim() };
}

/** Holds what was counted against the thresholds. */
export function judge(
  thresholds: readonly Threshold[],
  totals: ReadonlyMap<string, Total>,
  seconds: number,
): ThresholdResult[] {
  return thresholds.map(({ metric, condition, statistic, operator, limit }) => {
    const total = totals.get(metric);
    const value = total === undefined ? undefined : statisticOf(total, statistic, seconds);
    return { metric, condition, value, passed: value === undefined || holds(value, operator, limit) };
  });
}

/** @throws HotpathError HP_LOAD_OPTIONS where a metric has no such statistic */
export function checkStatistic({ metric, condition, statistic }: Threshold, kind: MetricKind): void {
  if (STATISTICS[kind].test(statistic)) return;
  throw new HotpathError(
    "HP_LOAD_OPTIONS",
    `${metric}: ${condition} asks a ${kind} for ${statistic}, which it has not.`,
  );
}

function holds(value: number, operator: string, limit: number): boolean {
  switch (operator) {
    case "<":
      return value < limit;
    case "<=":
      return value <= limit;
    case ">":
      return value > limit;
    case ">=":
      return value >= limit;
    case "!=":
      return value !== limit;
    default:
      return value === limit;
  }
}

const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1e3,
  m: 6e4,
  h: 36e5,
  d: 864e5,
};

/**
 * A duration as k6 takes it, in milliseconds: `1m30s`, `500ms`, `"10"` or a number of milliseconds.
 *
 * @throws HotpathError HP_LOAD_OPTIONS
 */
export function parseLoadDuration(value: unknown): number {
  if (typeof value === "number" && value >= 0) return value;
  if (typeof value === "string" && value !== "") {
    if (/^\d+(\.\d+)?$/.test(value)) return Number(value);
    let sum = 0;
    let rest = value.trim();
    while (rest !== "") {
      const match = /^(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d)/.exec(rest);
      if (match === null) throw invalid("a duration", value);
      sum += Number(match[1]) * UNITS[match[2]!]!;
      rest = rest.slice(match[0].length);
    }
    return sum;
  }
  throw invalid("a duration", value);
}

function invalid(what: string, value: unknown): HotpathError {
  const shown = JSON.stringify(value) ?? String(value);
  return new HotpathError("HP_LOAD_OPTIONS", `${what}: ${shown.slice(0, 200)} cannot be read.`);
}
