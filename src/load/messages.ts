import type { NamedRequests } from "./recorder.ts";
import type { PartName, Sample } from "./metrics.ts";
import type { ScenarioPlan } from "./plan.ts";
import type { GeneratorState } from "./generator.ts";
import type { HostOverrides } from "./client/target.ts";

/** A request sent over and over, without a script. */
export interface PlainJob {
  readonly url: string;
  readonly method: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: string | undefined;
  readonly isHttp2: boolean;
  /** Requests at a time on a connection of HTTP/2. */
  readonly streams: number;
  readonly connections: number;
  readonly timeoutMs: number;
  readonly isInsecure: boolean;
  readonly hosts: HostOverrides;
}

/** A script that is ready to run: its modules, already transformed. */
export interface ScriptJob {
  readonly entry: string;
  readonly modules: readonly LoadedModule[];
  readonly env: Readonly<Record<string, string>>;
  /** Options given on the command line, which come before the script's own. */
  readonly overrides: Readonly<Record<string, unknown>>;
  readonly hosts: HostOverrides;
  readonly isInsecure: boolean;
  readonly directory: string;
}

/** A module of a script, ready to run. */
export interface LoadedModule {
  /** File or address. */
  readonly name: string;
  readonly code: string;
  /** A source map, version 3. */
  readonly map: string;
  /** What its imports lead to: a module of the script, one of k6, or a package. */
  readonly links: Readonly<Record<string, string>>;
  /** Packages, and where they are imported. */
  readonly packages: readonly { readonly name: string; readonly place: string }[];
}

export type Job = { readonly plain: PlainJob } | { readonly script: ScriptJob };

export interface WorkerPlace {
  readonly index: number;
  readonly count: number;
}

/** What the coordinator tells a worker. */
export type ToWorker =
  | { readonly kind: "init"; readonly job: Job }
  | { readonly kind: "setup"; readonly timeoutMs: number }
  | {
      readonly kind: "start";
      readonly place: WorkerPlace;
      readonly scenarios: readonly ScenarioPlan[];
      readonly parts: readonly PartName[];
      readonly options: Readonly<Record<string, unknown>>;
      readonly setupData: string | undefined;
      /** Milliseconds since the epoch. */
      readonly at: number;
    }
  /** Begin no further iterations; `isImmediate`: and end those under way. */
  | { readonly kind: "stop"; readonly isImmediate: boolean }
  | { readonly kind: "teardown"; readonly setupData: string | undefined; readonly timeoutMs: number }
  | { readonly kind: "summary"; readonly data: unknown };

/** What was counted in a second of the run, or what is left at its end. */
export interface Tick {
  readonly kind: "tick";
  /** Seconds since the start. */
  readonly second: number;
  readonly samples: readonly Sample[];
  readonly named: readonly NamedRequests[];
  readonly checks: readonly CheckCount[];
  readonly vus: number;
  /** The run has ended: how many VUs there are now says nothing of it. */
  readonly isLast: boolean;
  readonly progress: readonly Progress[];
  readonly generator: GeneratorState;
}

export interface Progress {
  readonly scenario: string;
  readonly vus: number;
  readonly iterations: number;
}

export interface CheckCount {
  /** Groups that it stands in, outermost first, `::` before each. */
  readonly group: string;
  readonly name: string;
  readonly passes: number;
  readonly fails: number;
}

/** What a worker tells the coordinator. */
export type FromWorker =
  | {
      readonly kind: "ready";
      /** The script's options, as it exports them. */
      readonly options: Readonly<Record<string, unknown>>;
      readonly exports: readonly string[];
    }
  | { readonly kind: "setup-done"; readonly data: string | undefined }
  | { readonly kind: "teardown-done" }
  | { readonly kind: "summary-done"; readonly files: Readonly<Record<string, string>> | undefined }
  | Tick
  | { readonly kind: "done" }
  | { readonly kind: "log"; readonly level: string; readonly text: string }
  /** The script wants the whole test to end. */
  | { readonly kind: "abort"; readonly reason: string }
  | { readonly kind: "failed"; readonly stage: string; readonly message: string; readonly isTimeout: boolean };
