import type { BenchDatabase } from "./database.ts";
import type { LoadGenerator } from "./load/load.ts";
import type { Cores } from "./machine.ts";
import type { Table } from "./table.ts";

/** What every scenario is given. */
export interface BenchContext {
  readonly cores: Cores | undefined;
  readonly database: BenchDatabase;
  readonly generate: LoadGenerator;
  /** What `generate` runs. */
  readonly loadName: string;
  readonly connections: number;
  /** Length of one contestant's turn. */
  readonly seconds: number;
  readonly rounds: number;
  /** A turn that other programs disturbed is repeated: at most this many times `rounds` turns each. */
  readonly patience: number;
  /** Requests of the memory scenario. */
  readonly requests: number;
  /** For files that live as long as the run. */
  readonly folder: string;
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal;
  /** Tells what goes on. */
  readonly say: (line: string) => void;
}

/** Something to measure. */
export interface Scenario {
  readonly name: string;
  /** One sentence: what is measured. */
  readonly summary: string;
  /** `false`: it runs without PostgreSQL, whose column then shows what the summary says, or nothing. Default `true`. */
  readonly needsDatabase?: boolean;
  readonly run: (context: BenchContext) => Promise<ScenarioResult>;
}

export interface ScenarioResult {
  readonly table: Table;
  /** For `--json`: everything that was measured. */
  readonly details: unknown;
  readonly failures: number;
  /** Lines below the table. */
  readonly notes: readonly string[];
}
