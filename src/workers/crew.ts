import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "../api/source.ts";
import type { FrontDoor } from "./front-door.ts";
import type { FromWorker } from "./messages.ts";
import type { Switchboard } from "./switchboard.ts";
import { mergeMetrics, tellMetrics, type ToldFamily, type WorkerMetrics } from "./told-metrics.ts";
import type { WorkerProcess } from "./worker-process.ts";

/** The workers of a machine: started, replaced, reloaded and ended here. */
export interface Crew {
  /** Those that answer requests or are about to. */
  readonly workers: readonly WorkerProcess[];
  readonly serving: readonly WorkerProcess[];
  /** How many there are to be. */
  readonly wanted: number;
  readonly counts: CrewCounts;
  /** Starts the first ones; answers what the first wants to be said. Rejects when it ends before it serves. */
  start(count: number): Promise<string>;
  /** Has so many from now on. */
  resize(count: number): Promise<void>;
  /** Puts a new process in place of each, one after another; the others stay when a new one does not come up. */
  reload(): Promise<boolean>;
  /** What all have counted, gone ones included. */
  metrics(): Promise<readonly WorkerMetrics[]>;
  /** Ends all. */
  close(): Promise<void>;
}

export interface CrewCounts {
  crashed: number;
  stalled: number;
  reloaded: number;
  reloadsFailed: number;
}

export interface CrewOptions {
  readonly fork: (slot: number, told: (worker: WorkerProcess, message: FromWorker) => void) => WorkerProcess;
  readonly door: FrontDoor;
  readonly switchboard: Switchboard;
  readonly log: Log;
  /** What a worker may take to finish requests under way, and to close. */
  readonly leaveMs: number;
  /** Told of each worker that has begun to serve. */
  readonly serves: (worker: WorkerProcess) => void;
  readonly greet: (worker: WorkerProcess) => void;
}

/** Reading catalogs and filling pools on a busy machine takes seconds at most. */
const START_TIMEOUT_MS = 120_000;
/** A worker beats twice a second. */
const STALL_MS = 15_000;
const WATCH_MS = 1000;
/** A worker that lived longer did not end because of how it started. */
const SETTLED_MS = 5000;
/** Quick deaths in a row without a pause. */
const FREE_DEATHS = 3;
const MAX_PAUSE_MS = 10_000;
const SNAPSHOT_MS = 5000;

export function createCrew(options: CrewOptions): Crew {
  const { fork, door, switchboard, log, leaveMs, serves, greet } = options;
  /** By slot: whoever answers there, or is about to. */
  const bySlot = new Map<number, WorkerProcess>();
  const all = new Set<WorkerProcess>();
  const counts: CrewCounts = { crashed: 0, stalled: 0, reloaded: 0, reloadsFailed: 0 };
  const stop = new AbortController();
  let wanted = 0;
  let deaths = 0;
  let past: readonly ToldFamily[] = [];
  let reloading: Promise<boolean> | undefined;
  let again: Promise<boolean> | undefined;

  function heard(worker: WorkerProcess, message: FromWorker): void {
    if (switchboard.handle(worker, message)) return;
    if (message.kind === "hello") {
      switchboard.join(worker);
      greet(worker);
    } else if (message.kind === "took") door.took(worker, message.connection);
    else if (message.kind === "ended") door.ended(worker, message.connections);
    else if (message.kind === "leaving") {
      retire(worker);
      if (bySlot.get(worker.slot) === worker) {
        bySlot.delete(worker.slot);
        void refill(worker.slot);
      }
    }
  }

  /** Starts a worker; it takes connections once it serves. */
  async function begin(slot: number): Promise<WorkerProcess> {
    const worker = fork(slot, heard);
    all.add(worker);
    void worker.gone.then((exit) => ended(worker, exit.signal ?? `status ${exit.status}`));
    const timer = setTimeout(() => worker.kill(), START_TIMEOUT_MS);
    try {
      await worker.ready;
    } finally {
      clearTimeout(timer);
    }
    if (stop.signal.aborted) {
      retire(worker);
      throw new Error("the supervisor stops");
    }
    worker.state = "serving";
    door.open(worker);
    serves(worker);
    return worker;
  }

  function ended(worker: WorkerProcess, how: string): void {
    all.delete(worker);
    door.part(worker);
    switchboard.part(worker);
    // Counters of a server never fall.
    const { slot, metrics } = worker;
    past = tellMetrics(
      mergeMetrics([
        { slot: "", isGone: true, families: past },
        { slot: String(slot), isGone: true, families: metrics },
      ]),
    ).filter(({ type }) => type !== "gauge");
    if (bySlot.get(slot) !== worker) return;
    bySlot.delete(slot);
    if (stop.signal.aborted) return;
    counts.crashed++;
    deaths = performance.now() - worker.startedAtMs > SETTLED_MS ? 0 : deaths + 1;
    log.error({ worker: slot, pid: worker.pid, how }, "a worker ended; another takes its place");
    void refill(slot);
  }

  /** Fills a place again, for as long as it is wanted. */
  async function refill(slot: number): Promise<void> {
    const isOpen = (): boolean => !stop.signal.aborted && slot <= wanted && !bySlot.has(slot);
    for (let tries = 0; isOpen(); tries++) {
      const faults = tries + Math.max(0, deaths - FREE_DEATHS);
      const pauseMs = faults === 0 ? 0 : Math.min(MAX_PAUSE_MS, 100 * 2 ** faults);
      if (pauseMs > 0) await delay(pauseMs, undefined, { signal: stop.signal }).catch(() => undefined);
      if (!isOpen()) return;
      try {
        const worker = await begin(slot);
        if (bySlot.has(slot) || slot > wanted) retire(worker);
        else {
          bySlot.set(slot, worker);
          if (worker.state === "gone") bySlot.delete(slot);
          else rebalance();
        }
      } catch (error) {
        if (!stop.signal.aborted) log.error({ worker: slot, err: error }, "a worker did not come up; trying again");
      }
    }
  }

  /** A new worker gets its share of connections that are open: clients that keep theirs would never come to it. */
  function rebalance(): void {
    const serving = crew.serving;
    const total = serving.reduce((sum, worker) => sum + door.count(worker), 0);
    const share = Math.ceil(total / Math.max(1, serving.length));
    for (const worker of serving) {
      const surplus = door.count(worker) - share;
      if (surplus > 0) worker.send({ kind: "shed", connections: surplus });
    }
  }

  /** Lets a worker finish what it has begun. */
  function retire(worker: WorkerProcess): void {
    if (worker.state === "leaving" || worker.state === "gone") return;
    worker.state = "leaving";
    door.shut(worker);
    worker.send({ kind: "leave" });
    const timer = setTimeout(() => worker.kill(), leaveMs);
    void worker.gone.then(() => clearTimeout(timer));
  }

  async function reloadAll(): Promise<boolean> {
    // Those of the reload before have gone first: never more than two processes a place.
    await Promise.all([...all].filter(({ state }) => state === "leaving").map(({ gone }) => gone));
    for (const [slot, worker] of [...bySlot].sort(([one], [other]) => one - other)) {
      if (stop.signal.aborted) return false;
      try {
        const successor = await begin(slot);
        const current = bySlot.get(slot);
        bySlot.set(slot, successor);
        if (successor.state === "gone") {
          bySlot.delete(slot);
          void refill(slot);
        }
        if (current !== undefined && current !== successor) retire(current);
        if (current !== worker && worker.state === "serving") retire(worker);
      } catch (error) {
        counts.reloadsFailed++;
        log.error({ worker: slot, err: error }, "the new configuration does not come up; the old one stays");
        return false;
      }
    }
    counts.reloaded++;
    log.info({ workers: bySlot.size }, "all workers are new");
    return true;
  }

  async function snapshot(worker: WorkerProcess): Promise<void> {
    if (worker.state === "starting" || worker.state === "gone") return;
    const told = await worker.ask({ what: "metrics" }).catch(() => undefined);
    if (Array.isArray(told) && all.has(worker)) worker.metrics = told as readonly ToldFamily[];
  }

  const watch = setInterval(() => {
    for (const worker of all) {
      const isBound = worker.state === "serving" || worker.state === "leaving";
      if (!isBound || performance.now() - worker.heardAtMs < STALL_MS) continue;
      counts.stalled++;
      log.error({ worker: worker.slot, pid: worker.pid }, "a worker does nothing any more; it is ended");
      worker.kill();
    }
  }, WATCH_MS);
  const snapshots = setInterval(() => void Promise.all([...all].map(snapshot)), SNAPSHOT_MS);

  const crew: Crew = {
    get workers() {
      return [...all];
    },
    get serving() {
      return [...bySlot.values()]
        .filter(({ state }) => state === "serving")
        .sort((one, other) => one.slot - other.slot);
    },
    get wanted() {
      return wanted;
    },
    counts,
    async start(count) {
      wanted = count;
      const places = Array.from({ length: count }, (_, at) => at + 1);
      const workers = await Promise.allSettled(
        places.map(async (slot) => {
          const worker = await begin(slot);
          bySlot.set(slot, worker);
          return worker;
        }),
      );
      const [first] = workers.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
      if (first === undefined) throw (workers[0] as PromiseRejectedResult).reason;
      // Where one came up the others will.
      await Promise.all(places.map((slot) => refill(slot)));
      return first.ready;
    },
    async resize(count) {
      wanted = count;
      for (const [slot, worker] of bySlot) {
        if (slot <= count) continue;
        bySlot.delete(slot);
        retire(worker);
      }
      const missing = Array.from({ length: count }, (_, at) => at + 1).filter((slot) => !bySlot.has(slot));
      await Promise.all(missing.map((slot) => refill(slot)));
    },
    reload() {
      if (reloading !== undefined) return (again ??= reloading.then(() => crew.reload()));
      again = undefined;
      reloading = reloadAll().finally(() => {
        reloading = undefined;
      });
      return reloading;
    },
    async metrics() {
      await Promise.all([...all].map(snapshot));
      const present = [...all].map(({ slot, state, metrics }) => ({
        slot: String(slot),
        isGone: state !== "serving",
        families: metrics,
      }));
      return [{ slot: "", isGone: true, families: past }, ...present];
    },
    async close() {
      stop.abort();
      wanted = 0;
      clearInterval(watch);
      clearInterval(snapshots);
      for (const worker of all) {
        if (worker.state === "starting") worker.kill("SIGTERM");
        else retire(worker);
      }
      const late = setTimeout(() => {
        for (const worker of all) worker.kill();
      }, leaveMs);
      await Promise.all([...all].map(({ gone }) => gone));
      clearTimeout(late);
    },
  };
  return crew;
}
