import { NOISE, type Score } from "./contest.ts";
import type { ScenarioResult } from "./context.ts";
import { median } from "./statistics.ts";

/** A contest's table: fastest first, the floor last, with ratios to the best rival and to the floor. */
export function toResult(scores: readonly Score[]): ScenarioResult {
  const best = Math.max(...scores.filter(({ role }) => role === "rival").map((score) => score.requestsPerSecond));
  const floor = scores.find(({ role }) => role === "floor")?.requestsPerSecond ?? Number.NaN;
  const sorted = scores.toSorted(
    (a, b) => Number(a.role === "floor") - Number(b.role === "floor") || b.requestsPerSecond - a.requestsPerSecond,
  );
  const rows = sorted.map((score) => [
    score.name,
    Math.round(score.requestsPerSecond).toLocaleString("en"),
    ratio(score.requestsPerSecond, best),
    ratio(score.requestsPerSecond, floor),
    score.p50Ms.toFixed(2),
    score.p99Ms.toFixed(2),
    score.microsecondsEach.toFixed(0),
    percent(score.serverCpu),
    percent(score.postgresCpu),
    percent(score.loadCpu),
    score.failures.toLocaleString("en"),
  ]);
  return { table: { columns: COLUMNS, rows }, details: scores, failures: sum(scores), notes: noiseOf(scores) };
}

const COLUMNS = [
  "contestant",
  "requests/s",
  "× best rival",
  "× floor",
  "p50 ms",
  "p99 ms",
  "server µs each",
  "server CPU",
  "PostgreSQL CPU",
  "load CPU",
  "failures",
] as const;

function ratio(value: number, base: number): string {
  return Number.isFinite(base) && base > 0 ? (value / base).toFixed(2) : "-";
}

function percent(share: number): string {
  return `${Math.round(share * 100)}%`;
}

function sum(scores: readonly Score[]): number {
  return scores.reduce((total, { failures }) => total + failures, 0);
}

function noiseOf(scores: readonly Score[]): readonly string[] {
  const strangers = scores.flatMap(({ rounds }) => rounds.map(({ strangersCpu }) => strangersCpu));
  const middle = median(strangers);
  if (!(middle > NOISE)) return [];
  return [`Other programs used ${percent(middle)} of a core meanwhile (median), so absolute figures are too low.`];
}
