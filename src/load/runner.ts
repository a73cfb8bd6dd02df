import type { GeneratorWatch } from "./generator.ts";
import type { Progress, WorkerPlace } from "./messages.ts";
import type { Metrics } from "./metrics.ts";
import type { Recorder } from "./recorder.ts";

/** What produces load in a worker. */
export interface Runner {
  /** Resolves when all is done. @param startAt of `performance.now()` */
  run(startAt: number): Promise<void>;
  /** Begins nothing new; immediately: ends what is under way too. */
  stop(isImmediate: boolean): void;
  progress(): Progress[];
}

export interface RunnerParts {
  readonly metrics: Metrics;
  readonly recorder: Recorder;
  readonly generator: GeneratorWatch;
  readonly place: WorkerPlace;
}

/** What a worker has of a number that all share. */
export function shareOf(number: number, { index, count }: WorkerPlace): number {
  return Math.max(0, Math.ceil((number - index) / count));
}
