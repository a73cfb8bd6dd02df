import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { HotpathError } from "../errors.ts";
import type { FromWorker, Job, ToWorker } from "./messages.ts";

/** The load generating processes of a run. */
export interface Workers {
  readonly count: number;
  /** Starts more, until there are so many. */
  grow(count: number): void;
  tell(index: number, message: ToWorker): void;
  tellAll(message: ToWorker): void;
  /** Resolves with the next message of a kind from a worker; rejects when that fails or ends instead. */
  await<Kind extends FromWorker["kind"]>(index: number, kind: Kind): Promise<Extract<FromWorker, { kind: Kind }>>;
  /** Ends processes that no longer listen. */
  kill(reason: string): void;
  /** Resolves when all have ended. */
  stop(): Promise<void>;
}

/** Between being told to end and being ended. */
const STOP_MS = 3000;

/** A script did not run as it was meant to. */
export class StageFailure extends Error {
  override readonly name = "StageFailure";
  /** `init`, `setup`, `run`, `teardown` or `summary`. */
  readonly stage: string;
  readonly isTimeout: boolean;

  constructor(stage: string, message: string, isTimeout: boolean) {
    super(message);
    this.stage = stage;
    this.isTimeout = isTimeout;
  }
}

const ENTRY = fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js", import.meta.url));
/** A large young generation: what a request leaves behind is to die there. */
export const NODE_FLAGS = ["--max-semi-space-size=32", "--disable-warning=ExperimentalWarning"];

/** Starts one process, and more when asked to; `onMessage` hears all they say. */
export function startWorkers(
  job: Job,
  onMessage: (index: number, message: FromWorker) => void,
  environment: Readonly<Record<string, string | undefined>>,
): Workers {
  const waits: Map<string, PromiseWithResolvers<FromWorker>>[] = [];
  const failures: (Error | undefined)[] = [];
  const isDone = new Set<number>();
  let isStopping = false;
  const fail = (index: number, error: Error): void => {
    if (isStopping) return;
    failures[index] ??= error;
    for (const { reject } of waits[index]!.values()) reject(error);
    waits[index]!.clear();
  };
  const children: ChildProcess[] = [];
  const start = (index: number): void => {
    waits.push(new Map());
    const child = fork(ENTRY, [], {
      execArgv: NODE_FLAGS,
      serialization: "advanced",
      env: environment,
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    child.on("message", (message: FromWorker) => {
      onMessage(index, message);
      if (message.kind === "failed") fail(index, new StageFailure(message.stage, message.message, message.isTimeout));
      if (message.kind === "done") isDone.add(index);
      const wait = waits[index]!.get(message.kind);
      waits[index]!.delete(message.kind);
      wait?.resolve(message);
    });
    child.on("error", (error) => fail(index, error));
    child.on("exit", (code, signal) => {
      fail(
        index,
        new HotpathError("HP_LOAD_FAILED", `A load generating process ended (${signal ?? `status ${code}`}).`),
      );
    });
    child.send({ kind: "init", job } satisfies ToWorker);
    children.push(child);
  };
  // Who is pressed to end at once leaves nobody behind: a script that loops without end does not hear that its parent is gone.
  const killAll = (): void => {
    for (const child of children) child.kill("SIGKILL");
  };
  process.on("exit", killAll);
  start(0);
  const tell = (index: number, message: ToWorker): void => {
    const child = children[index];
    if (child?.connected) child.send(message);
  };
  return {
    get count() {
      return children.length;
    },
    grow(count) {
      while (children.length < count) start(children.length);
    },
    tell,
    tellAll: (message) => children.forEach((_, index) => tell(index, message)),
    async await(index, kind) {
      const failure = failures[index];
      if (failure !== undefined) throw failure;
      const wait = Promise.withResolvers<FromWorker>();
      waits[index]!.set(kind, wait);
      return (await wait.promise) as never;
    },
    kill(reason) {
      for (const [index, child] of children.entries()) {
        if (isDone.has(index)) continue;
        fail(index, new StageFailure("run", reason, true));
        child.kill("SIGKILL");
      }
    },
    async stop() {
      isStopping = true;
      await Promise.all(
        children.map(async (child) => {
          if (child.exitCode !== null || child.signalCode !== null) return;
          const exited = once(child, "exit");
          if (child.connected) child.disconnect();
          // A script that loops without end hears nothing.
          const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
          await exited;
          clearTimeout(timer);
        }),
      );
      process.off("exit", killAll);
    },
  };
}
