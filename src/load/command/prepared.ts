import { availableParallelism } from "node:os";
import type { LoadRun } from "../coordinator.ts";

/** What a command line has made of a URL or a script. */
export interface Prepared extends Pick<LoadRun, "job" | "title" | "settle"> {
  /** Host that requests go to, as far as that is known beforehand. */
  readonly server: string | undefined;
}

/** Fewer VUs are no work for another process. */
const VUS_A_WORKER = 10;

/** One process a core but one, as far as there is something to do. */
export function defaultWorkers(vus: number): number {
  return Math.max(1, Math.min(availableParallelism() - 1, Math.ceil(vus / VUS_A_WORKER)));
}
