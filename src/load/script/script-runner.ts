import type { CheckCount, FromWorker, ScriptJob, WorkerPlace } from "../messages.ts";
import type { Runner, RunnerParts } from "../runner.ts";
import type { ScenarioPlan } from "../plan.ts";

/** A script in a worker: what it exports, and how its parts are run. */
export interface ScriptRunner {
  readonly options: Readonly<Record<string, unknown>>;
  readonly exports: readonly string[];
  /** JSON of what `setup` answered. */
  setup(timeoutMs: number): Promise<string | undefined>;
  start(
    place: WorkerPlace,
    scenarios: readonly ScenarioPlan[],
    options: Readonly<Record<string, unknown>>,
    setupData: string | undefined,
  ): Runner;
  teardown(setupData: string | undefined, timeoutMs: number): Promise<void>;
  /** Files, by path, that `handleSummary` answered; undefined: there is no such function. */
  summarize(data: unknown): Promise<Readonly<Record<string, string>> | undefined>;
  takeChecks(): readonly CheckCount[];
  /** An error with the user's own lines. */
  describe(error: unknown): string;
}

export interface ScriptParts extends Omit<RunnerParts, "place"> {
  tell(message: FromWorker): void;
}

export async function createScriptRunner(_job: ScriptJob, _parts: ScriptParts): Promise<ScriptRunner> {
  throw new Error("not yet");
}
