/** The six ways in which k6 hands out iterations. */
export type Executor =
  | "shared-iterations"
  | "per-vu-iterations"
  | "constant-vus"
  | "ramping-vus"
  | "constant-arrival-rate"
  | "ramping-arrival-rate";

export interface Stage {
  readonly durationMs: number;
  readonly target: number;
}

interface ScenarioBase {
  readonly name: string;
  /** Name of the exported function that is an iteration. */
  readonly exec: string;
  readonly startTimeMs: number;
  readonly gracefulStopMs: number;
  readonly env: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
}

export interface SharedIterations extends ScenarioBase {
  readonly executor: "shared-iterations" | "per-vu-iterations";
  readonly vus: number;
  /** All together, or of each VU. */
  readonly iterations: number;
  readonly maxDurationMs: number;
}

export interface ConstantVus extends ScenarioBase {
  readonly executor: "constant-vus";
  readonly vus: number;
  readonly durationMs: number;
}

export interface RampingVus extends ScenarioBase {
  readonly executor: "ramping-vus";
  readonly startVus: number;
  readonly stages: readonly Stage[];
  readonly gracefulRampDownMs: number;
}

/** Iterations begin when they are due, whatever became of those before them. */
export interface Arrivals extends ScenarioBase {
  readonly executor: "constant-arrival-rate" | "ramping-arrival-rate";
  /** Iterations a `timeUnitMs`, at the start. */
  readonly startRate: number;
  readonly timeUnitMs: number;
  /** Targets are rates. */
  readonly stages: readonly Stage[];
  readonly preAllocatedVus: number;
  readonly maxVus: number;
}

export type ScenarioPlan = SharedIterations | ConstantVus | RampingVus | Arrivals;

/** How long a scenario takes at most, its start and its graceful end included. */
export function longestMs(plan: ScenarioPlan): number {
  return plan.startTimeMs + regularMs(plan) + plan.gracefulStopMs;
}

/** How long iterations are begun, from the scenario's own start. */
export function regularMs(plan: ScenarioPlan): number {
  switch (plan.executor) {
    case "shared-iterations":
    case "per-vu-iterations":
      return plan.maxDurationMs;
    case "constant-vus":
      return plan.durationMs;
    default:
      return plan.stages.reduce((sum, { durationMs }) => sum + durationMs, 0);
  }
}

/** How many VUs a scenario may come to. */
export function mostVus(plan: ScenarioPlan): number {
  switch (plan.executor) {
    case "ramping-vus":
      return Math.max(plan.startVus, ...plan.stages.map(({ target }) => target));
    case "constant-arrival-rate":
    case "ramping-arrival-rate":
      return plan.maxVus;
    case "shared-iterations":
      return Math.min(plan.vus, plan.iterations);
    default:
      return plan.vus;
  }
}
