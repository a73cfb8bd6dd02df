import { HotpathError } from "../errors.ts";
import type { RunSettings } from "./coordinator.ts";
import type { Executor, ScenarioPlan, Stage } from "./plan.ts";
import { mostVus } from "./plan.ts";
import type { ScenarioWords } from "./result.ts";
import { parseLoadDuration, parseThresholds, type Threshold } from "./thresholds.ts";

type Options = Readonly<Record<string, unknown>>;

const GRACEFUL_MS = 30_000;
const TEN_MINUTES_MS = 600_000;
const EXECUTORS: ReadonlySet<string> = new Set([
  "shared-iterations",
  "per-vu-iterations",
  "constant-vus",
  "ramping-vus",
  "constant-arrival-rate",
  "ramping-arrival-rate",
]);
/** Options of k6 that mean nothing here, and why nobody misses them. */
const WITHOUT_MEANING: Readonly<Record<string, string>> = {
  blacklistIPs: "addresses are not refused",
  blockHostnames: "hosts are not refused",
  tlsCipherSuites: "suites are Node's own",
  dns: "names are looked up once and remembered for five minutes",
};

/** The words of a warning about options that change nothing. */
export function optionWarnings(options: Options): string[] {
  return Object.entries(WITHOUT_MEANING)
    .filter(([name]) => options[name] !== undefined && options[name] !== null)
    .map(([name, why]) => `the option ${name} has no effect here: ${why}`);
}

/** What the command line adds to a script's options. */
export interface ScriptWishes {
  readonly overrides: Options;
  readonly thresholds: readonly Threshold[];
  readonly workers: number | undefined;
  defaultWorkers(vus: number): number;
}

/**
 * Reads k6's options.
 *
 * @throws HotpathError HP_LOAD_OPTIONS where they cannot be read
 */
export function scriptSettings(given: Options, exports: readonly string[], wishes: ScriptWishes): RunSettings {
  const { overrides } = wishes;
  // As in k6, what the command line says about VUs takes the place of all that the script says about them.
  const own = ["vus", "iterations", "duration", "stages"].some((name) => name in overrides)
    ? Object.fromEntries(
        Object.entries(given).filter(([name]) => !["scenarios", "iterations", "duration", "stages"].includes(name)),
      )
    : given;
  const options: Options = { ...own, ...overrides };
  const scenarios = toScenarios(options);
  for (const { exec, name } of scenarios) {
    if (!exports.includes(exec)) throw invalid(`the scenario ${name} runs ${exec}(), which the script does not export`);
  }
  const vus = scenarios.reduce((sum, plan) => sum + mostVus(plan), 0);
  const stats = options["summaryTrendStats"];
  return {
    scenarios,
    words: scenarios.map(describe),
    thresholds:
      options["noThresholds"] === true ? [] : [...parseThresholds(options["thresholds"]), ...wishes.thresholds],
    options,
    workers: wishes.workers ?? wishes.defaultWorkers(vus),
    hasSetup: exports.includes("setup") && options["noSetup"] !== true,
    hasTeardown: exports.includes("teardown") && options["noTeardown"] !== true,
    setupTimeoutMs: durationOr(options["setupTimeout"], 60_000),
    teardownTimeoutMs: durationOr(options["teardownTimeout"], 60_000),
    statistics: Array.isArray(stats) ? stats.map(String) : ["avg", "min", "med", "max", "p(90)", "p(95)"],
  };
}

function toScenarios(options: Options): ScenarioPlan[] {
  const { scenarios, stages, iterations, duration, vus } = options;
  if (typeof scenarios === "object" && scenarios !== null && Object.keys(scenarios).length > 0) {
    return Object.entries(scenarios as Record<string, Options>).map(([name, scenario]) => toScenario(name, scenario));
  }
  if (Array.isArray(stages) && stages.length > 0) {
    return [toScenario("default", { executor: "ramping-vus", stages, startVUs: vus ?? 1 })];
  }
  if (iterations !== undefined && iterations !== null) {
    return [
      toScenario("default", {
        executor: "shared-iterations",
        iterations,
        vus: vus ?? 1,
        ...(duration !== undefined && { maxDuration: duration }),
      }),
    ];
  }
  if (duration !== undefined && duration !== null) {
    return [toScenario("default", { executor: "constant-vus", vus: vus ?? 1, duration })];
  }
  return [toScenario("default", { executor: "shared-iterations", iterations: vus ?? 1, vus: vus ?? 1 })];
}

function toScenario(name: string, scenario: Options): ScenarioPlan {
  const executor = String(scenario["executor"]);
  if (executor === "externally-controlled")
    throw invalid(`the scenario ${name} is externally-controlled, which is not supported`);
  if (!EXECUTORS.has(executor)) throw invalid(`the scenario ${name} has no executor that is known: ${executor}`);
  const count = (key: string, otherwise?: number): number => {
    const value = scenario[key] ?? otherwise;
    if (typeof value === "number" && Number.isFinite(value) && value >= 0) return value;
    throw invalid(`the scenario ${name} needs ${key}, a number`);
  };
  const base = {
    name,
    exec: typeof scenario["exec"] === "string" ? scenario["exec"] : "default",
    startTimeMs: durationOr(scenario["startTime"], 0),
    gracefulStopMs: durationOr(scenario["gracefulStop"], GRACEFUL_MS),
    env: textsOf(scenario["env"]),
    tags: textsOf(scenario["tags"]),
  };
  switch (executor as Executor) {
    case "shared-iterations":
    case "per-vu-iterations": {
      const vus = count("vus", 1);
      const iterations = count("iterations", 1);
      if (executor === "shared-iterations" && iterations < vus)
        throw invalid(`the scenario ${name} has more VUs than iterations`);
      return {
        ...base,
        executor: executor as "shared-iterations",
        vus,
        iterations,
        maxDurationMs: durationOr(scenario["maxDuration"], TEN_MINUTES_MS),
      };
    }
    case "constant-vus":
      return {
        ...base,
        executor: "constant-vus",
        vus: count("vus", 1),
        durationMs: parseLoadDuration(scenario["duration"]),
      };
    case "ramping-vus":
      return {
        ...base,
        executor: "ramping-vus",
        startVus: count("startVUs", 1),
        stages: toStages(scenario["stages"], name),
        gracefulRampDownMs: durationOr(scenario["gracefulRampDown"], GRACEFUL_MS),
      };
    default: {
      const timeUnitMs = durationOr(scenario["timeUnit"], 1000);
      const preAllocatedVus = count("preAllocatedVUs");
      const isConstant = executor === "constant-arrival-rate";
      const startRate = isConstant ? count("rate") : count("startRate", 0);
      return {
        ...base,
        executor: executor as "constant-arrival-rate",
        startRate,
        timeUnitMs,
        stages: isConstant
          ? [{ durationMs: parseLoadDuration(scenario["duration"]), target: startRate }]
          : toStages(scenario["stages"], name),
        preAllocatedVus,
        maxVus: Math.max(preAllocatedVus, count("maxVUs", preAllocatedVus)),
      };
    }
  }
}

function toStages(value: unknown, name: string): Stage[] {
  if (!Array.isArray(value) || value.length === 0) throw invalid(`the scenario ${name} needs stages`);
  return value.map((stage: unknown) => {
    const { duration, target } = stage as Options;
    if (typeof target !== "number" || target < 0) throw invalid(`a stage of the scenario ${name} needs a target`);
    return { durationMs: parseLoadDuration(duration), target };
  });
}

function describe(plan: ScenarioPlan): ScenarioWords {
  const words = (): string => {
    switch (plan.executor) {
      case "shared-iterations":
        return `${plan.iterations} iterations shared among ${plan.vus} VUs`;
      case "per-vu-iterations":
        return `${plan.iterations} iterations for each of ${plan.vus} VUs`;
      case "constant-vus":
        return `${plan.vus} looping VUs for ${seconds(plan.durationMs)}`;
      case "ramping-vus":
        return `up to ${mostVus(plan)} looping VUs over ${plan.stages.length} stages of ${seconds(plan.stages.reduce((sum, { durationMs }) => sum + durationMs, 0))}`;
      case "constant-arrival-rate":
        return `${plan.startRate} iterations each ${seconds(plan.timeUnitMs)}, for ${seconds(plan.stages[0]?.durationMs ?? 0)}, up to ${plan.maxVus} VUs`;
      default:
        return `up to ${Math.max(plan.startRate, ...plan.stages.map(({ target }) => target))} iterations each ${seconds(plan.timeUnitMs)} over ${plan.stages.length} stages, up to ${plan.maxVus} VUs`;
    }
  };
  return { name: plan.name, executor: plan.executor, words: words() };
}

function seconds(ms: number): string {
  return `${ms / 1000} s`;
}

function durationOr(value: unknown, otherwise: number): number {
  return value === undefined || value === null ? otherwise : parseLoadDuration(value);
}

function textsOf(value: unknown): Record<string, string> {
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, String(one)]));
}

function invalid(message: string): HotpathError {
  return new HotpathError("HP_LOAD_OPTIONS", `${message[0]?.toUpperCase()}${message.slice(1)}.`);
}
