import type { CheckCount, FromWorker } from "../messages.ts";
import type { Addresses } from "../client/addresses.ts";
import { LoadFailure } from "../client/failure.ts";
import { type ConnectionPool, createPool, type PoolCommons } from "../client/pool.ts";
import type { Deadlines } from "../client/deadlines.ts";
import type { Metrics, Metric } from "../metrics.ts";
import type { ScenarioPlan } from "../plan.ts";
import type { Recorder } from "../recorder.ts";
import type { ScriptSettings } from "./script-settings.ts";
import { CookieJar } from "./cookies.ts";
import type { KnownUrls } from "./k6/known-urls.ts";

/** What all VUs of a process share. */
export interface ScriptProcess {
  readonly metrics: Metrics;
  readonly recorder: Recorder;
  readonly addresses: Addresses;
  readonly deadlines: Deadlines;
  readonly env: Readonly<Record<string, string>>;
  readonly directory: string;
  readonly entry: string;
  readonly tell: (message: FromWorker) => void;
  /** Says what went wrong, but not over and over: each iteration may have the same to say. */
  readonly complain: (level: "error" | "warning", text: string) => void;
  readonly checks: Checks;
  readonly sharedArrays: Map<string, readonly unknown[]>;
  readonly files: Map<string, Buffer>;
  readonly urls: KnownUrls;
  /** As the script exports them, with those of the command line. */
  options: Readonly<Record<string, unknown>>;
  settings: ScriptSettings;
  pools: PoolCommons;
  readonly own: {
    readonly checks: Metric;
    readonly groupDuration: Metric;
    readonly iterationDuration: Metric;
    readonly iterations: Metric;
  };
  /** `performance.now()` when the run began; 0: it has not. */
  startedAt: number;
  readonly counts: { vus: number; active: number; completed: number; interrupted: number };
  /** The next request may be sent then, where `rps` limits them. */
  nextRequestAt: number;
}

export interface Checks {
  count(group: string, name: string, passed: boolean): void;
  take(): CheckCount[];
}

/** The script was told to stop where it waited. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  constructor() {
    super("the iteration was interrupted");
  }
}

/** The script ended the whole test. */
export class TestAborted extends Error {
  override readonly name = "TestAborted";
}

/** A virtual user: its own variables of the script, its own connections and cookies. */
export class Vu {
  readonly process: ScriptProcess;
  /** Counted from 1 over all processes; 0: no VU, but init code, setup or teardown. */
  id: number;
  idInInstance = 0;
  iteration = 0;
  iterationInScenario = 0;
  iterationInTest = 0;
  iterationInInstance = 0;
  scenario: ScenarioPlan | undefined;
  scenarioStartedAt = 0;
  scenarioProgress: () => number = () => 0;
  /** Whether module code runs for the first time, where `open` is allowed and requests are not. */
  isInit = true;
  group = "";
  /** Tags of every sample. */
  tags: Record<string, string> = {};
  env: Record<string, string>;
  jar = new CookieJar();
  readonly pool: ConnectionPool;
  isInterrupted = false;
  /** Whether the iteration has waited for something outside: then others have had their turn. */
  hasWaited = false;
  /** Time from which the first request of an iteration was due; 0: it was not. */
  dueAt = 0;
  responseCallback: ((status: number) => boolean) | null;
  readonly iterationListeners: ((vu: number, iteration: number) => void)[] = [];
  readonly #cancels = new Set<() => void>();
  #pending = 0;
  #idle: (() => void) | undefined;

  constructor(process: ScriptProcess, id: number) {
    this.process = process;
    this.id = id;
    this.env = { ...process.env };
    this.pool = createPool(process.pools);
    this.responseCallback = isExpected;
  }

  /** Waits, and can be interrupted. */
  async pause(ms: number): Promise<void> {
    this.hasWaited = true;
    if (this.isInterrupted) throw new Interrupted();
    return new Promise((resolve, reject) => {
      const cancel = (): void => {
        clearTimeout(timer);
        reject(new Interrupted());
      };
      const timer = setTimeout(() => {
        this.#cancels.delete(cancel);
        resolve();
      }, ms);
      this.#cancels.add(cancel);
    });
  }

  /** Ends what is under way. */
  interrupt(): void {
    this.isInterrupted = true;
    const cancels = [...this.#cancels];
    this.#cancels.clear();
    for (const cancel of cancels) cancel();
    this.pool.close(new LoadFailure(1000, "the iteration was interrupted"));
    this.#idle?.();
  }

  /** Its next request connects anew. */
  closeConnections(): void {
    this.pool.close(new LoadFailure(1000, "the iteration ended"));
  }

  onInterrupt(cancel: () => void): () => void {
    this.#cancels.add(cancel);
    return () => void this.#cancels.delete(cancel);
  }

  /** Something was begun that an iteration waits for before it ends: a timer, an asynchronous request. */
  begin(): void {
    this.#pending++;
  }

  settle(): void {
    this.#pending--;
    if (this.#pending === 0) this.#idle?.();
  }

  /** Resolves when nothing is pending. */
  async idle(): Promise<void> {
    if (this.#pending === 0) return;
    this.hasWaited = true;
    await new Promise<void>((resolve) => (this.#idle = resolve));
    this.#idle = undefined;
  }
}

/** k6 takes these for what was to be expected. */
export function isExpected(status: number): boolean {
  return status >= 200 && status < 400;
}

/** So that names made up by a script cannot fill the memory. */
const MAX_CHECKS = 2000;

type CountedCheck = { -readonly [Key in keyof CheckCount]: CheckCount[Key] };

export function createChecks(): Checks {
  const groups = new Map<string, Map<string, CountedCheck>>();
  let size = 0;
  return {
    count(group, name, passed) {
      let names = groups.get(group);
      if (names === undefined) {
        if (size >= MAX_CHECKS) return;
        groups.set(group, (names = new Map()));
      }
      let found = names.get(name);
      if (found === undefined) {
        if (size >= MAX_CHECKS) return;
        size++;
        names.set(name, (found = { group, name, passes: 0, fails: 0 }));
      }
      if (passed) found.passes++;
      else found.fails++;
    },
    take() {
      const counts = [...groups.values()].flatMap((names) => [...names.values()]);
      const taken = counts.filter(({ passes, fails }) => passes + fails > 0).map((count) => ({ ...count }));
      for (const count of counts) {
        count.passes = 0;
        count.fails = 0;
      }
      return taken;
    },
  };
}
