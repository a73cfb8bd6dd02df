import type { RunSettings } from "./coordinator.ts";
import type { Arrivals, ConstantVus, ScenarioPlan, SharedIterations, Stage } from "./plan.ts";
import type { Threshold } from "./thresholds.ts";

/** What is asked of a run without a script. */
export interface PlainWishes {
  readonly connections: number;
  /** Requests a second; undefined: the closed model. */
  readonly rate: number | undefined;
  readonly stages: readonly Stage[];
  readonly requests: number | undefined;
  readonly durationMs: number;
  readonly timeoutMs: number;
  readonly workers: number;
  readonly thresholds: readonly Threshold[];
}

/** Statistics that the summary of a run without a script shows. */
export const PLAIN_STATISTICS = ["avg", "min", "med", "max", "p(90)", "p(95)", "p(99)", "p(99.9)"];

/** One scenario, named `default` as in k6. */
export function plainSettings(wishes: PlainWishes): RunSettings {
  const plan = toPlan(wishes);
  return {
    scenarios: [plan],
    words: [{ name: "default", executor: plan.executor, words: describe(wishes) }],
    thresholds: wishes.thresholds,
    options: {},
    workers: wishes.workers,
    hasSetup: false,
    hasTeardown: false,
    setupTimeoutMs: 0,
    teardownTimeoutMs: 0,
    statistics: PLAIN_STATISTICS,
  };
}

function toPlan({ rate, stages, requests, durationMs, connections, timeoutMs }: PlainWishes): ScenarioPlan {
  const base = { name: "default", exec: "", startTimeMs: 0, gracefulStopMs: timeoutMs, env: {}, tags: {} };
  if (rate !== undefined) {
    return {
      ...base,
      executor: stages.length > 0 ? "ramping-arrival-rate" : "constant-arrival-rate",
      startRate: rate,
      timeUnitMs: 1000,
      stages: stages.length > 0 ? stages : [{ durationMs, target: rate }],
      preAllocatedVus: connections,
      maxVus: connections,
    } satisfies Arrivals;
  }
  if (requests !== undefined) {
    return {
      ...base,
      executor: "shared-iterations",
      vus: connections,
      iterations: requests,
      maxDurationMs: durationMs,
    } satisfies SharedIterations;
  }
  return { ...base, executor: "constant-vus", vus: connections, durationMs } satisfies ConstantVus;
}

function describe({ rate, stages, requests, durationMs, connections }: PlainWishes): string {
  const over = `over ${connections} connection${connections === 1 ? "" : "s"}`;
  if (rate !== undefined && stages.length > 0) {
    return `${rate} requests/s, then ${stages.map((stage) => `to ${stage.target}/s in ${stage.durationMs / 1000} s`).join(", ")}, ${over}, sent when they are due`;
  }
  if (rate !== undefined) return `${rate} requests/s for ${durationMs / 1000} s ${over}, sent when they are due`;
  if (requests !== undefined) return `${requests} requests ${over}, each sent when the one before was answered`;
  return `as many requests as are answered, for ${durationMs / 1000} s ${over}`;
}
