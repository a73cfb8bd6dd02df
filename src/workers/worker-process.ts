import type { ChildProcess } from "node:child_process";
import type { Socket } from "node:net";
import type { Taker } from "./front-door.ts";
import type { FromWorker, Question, ToWorker } from "./messages.ts";
import type { Extension } from "./switchboard.ts";
import type { ToldFamily } from "./told-metrics.ts";

/** A worker, as the supervisor sees it. */
export interface WorkerProcess extends Taker, Extension {
  readonly slot: number;
  readonly pid: number | undefined;
  state: "starting" | "serving" | "leaving" | "gone";
  utilization: number;
  /** What it told last. */
  metrics: readonly ToldFamily[];
  readonly startedAtMs: number;
  /** When it was heard of last. */
  heardAtMs: number;
  /** What it wants to be said once it serves; rejects when it ends before. */
  readonly ready: Promise<string>;
  readonly gone: Promise<Exit>;
  /** Rejects when it does not answer in time, or is gone. */
  ask(question: Question): Promise<unknown>;
  kill(signal?: NodeJS.Signals): void;
}

/** How a process ended. */
export interface Exit {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Advice and plans take the database some work. */
const ASK_TIMEOUT_MS = 30_000;

/** @param told everything it says beside answers, and whether it serves */
export function createWorkerProcess(
  child: ChildProcess,
  { id, slot }: { readonly id: number; readonly slot: number },
  told: (worker: WorkerProcess, message: FromWorker) => void,
): WorkerProcess {
  const ready = Promise.withResolvers<string>();
  const gone = Promise.withResolvers<Exit>();
  const asked = new Map<number, PromiseWithResolvers<unknown>>();
  let number = 0;
  const post = (message: ToWorker, socket?: Socket): void => {
    // Whoever dies meanwhile is seen to when its end is told.
    if (child.connected) child.send(message, socket, { keepOpen: true }, ignore);
  };
  const worker: WorkerProcess = {
    id,
    slot,
    pid: child.pid,
    state: "starting",
    utilization: 0,
    metrics: [],
    startedAtMs: performance.now(),
    heardAtMs: performance.now(),
    ready: ready.promise,
    gone: gone.promise,
    hand: (connection, socket) => post({ kind: "connection", connection }, socket),
    send: (message) => post(message),
    async ask(question) {
      const own = ++number;
      const answer = Promise.withResolvers<unknown>();
      asked.set(own, answer);
      const timer = setTimeout(() => answer.reject(new Error(`worker ${slot} does not answer`)), ASK_TIMEOUT_MS);
      post({ kind: "ask", number: own, question });
      try {
        return await answer.promise;
      } finally {
        clearTimeout(timer);
        asked.delete(own);
      }
    },
    kill: (signal = "SIGKILL") => void child.kill(signal),
  };
  ready.promise.catch(ignore);
  child.on("message", (message) => {
    const said = message as FromWorker;
    worker.heardAtMs = performance.now();
    if (said.kind === "beat") worker.utilization = said.utilization;
    if (said.kind === "farewell") worker.metrics = said.metrics;
    if (said.kind === "answer") {
      const { error, value } = said;
      if (error === undefined) asked.get(said.number)?.resolve(value);
      else asked.get(said.number)?.reject(new Error(error));
      return;
    }
    told(worker, said);
    if (said.kind === "ready") ready.resolve(said.announcement);
  });
  child.on("error", ignore);
  child.once("exit", (status, signal) => {
    worker.state = "gone";
    for (const answer of asked.values()) answer.reject(new Error(`worker ${slot} is gone`));
    ready.reject(new WorkerEnded({ status, signal }));
    gone.resolve({ status, signal });
  });
  return worker;
}

/** A worker ended before it served. */
export class WorkerEnded extends Error {
  readonly exit: Exit;

  constructor(exit: Exit) {
    super(`a worker ended before it was ready (${exit.signal ?? `status ${exit.status}`})`);
    this.exit = exit;
  }
}

function ignore(): void {}
