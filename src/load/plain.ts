import { type ArrivalTimes, createArrivalTimes } from "./arrivals.ts";
import { dueOrNow, runArrivals } from "./clock.ts";
import type { PlainJob, WorkerPlace } from "./messages.ts";
import { type ScenarioPlan, regularMs } from "./plan.ts";
import { type PlainSlot, createPlainSlots } from "./plain-slot.ts";
import { type Runner, type RunnerParts, shareOf } from "./runner.ts";

/**
 * Sends one request over and over: each slot is a connection, or a stream of one, that carries one request at a time. Closed: a slot
 * sends again as soon as it has a reply. Open: requests are due by a schedule, and those that find no slot free wait for one, which
 * counts as part of their response time.
 */
export function createPlainRunner(job: PlainJob, plan: ScenarioPlan, parts: RunnerParts): Runner {
  const { metrics, generator, place } = parts;
  const iterations = metrics.define("iterations", "counter", false)!;
  const dropped = metrics.define("dropped_iterations", "counter", false)!;
  const tags = { scenario: plan.name };
  const { slots, prepare, close } = createPlainSlots(job, plan, parts, (slot, now) => freed(slot, now));
  const isOpen = plan.executor === "constant-arrival-rate" || plan.executor === "ramping-arrival-rate";
  const idle: PlainSlot[] = [];
  const { promise: done, resolve } = Promise.withResolvers<void>();
  let isEnding = false;
  let isOver = false;
  let busy = 0;
  let begun = 0;
  /** Of the closed model: requests that may still begin. */
  let left = "iterations" in plan ? shareOf(plan.iterations, place) : Infinity;
  let backlog: Backlog | undefined;
  let stopArrivals: () => number = none;

  const finish = (): void => {
    if (isOver) return;
    isOver = true;
    const unsent = (backlog?.size() ?? 0) + stopArrivals();
    if (unsent > 0) dropped.add(unsent, tags);
    close();
    resolve();
  };
  const start = (slot: PlainSlot, dueAt: number, now: number): void => {
    busy++;
    begun++;
    left--;
    slot.start(dueAt, now);
  };
  const freed = (slot: PlainSlot, now: number): void => {
    busy--;
    iterations.add(1, tags);
    if (isOver) return;
    const dueAt = backlog?.next();
    if (dueAt !== undefined) return start(slot, dueAt, now);
    if (!isOpen && !isEnding && left > 0) return start(slot, now, now);
    idle.push(slot);
    if (busy === 0 && (isEnding || left <= 0)) finish();
  };
  const end = (): void => {
    isEnding = true;
    if (busy === 0) finish();
  };
  const runOpen = (startAt: number): void => {
    if (plan.executor !== "constant-arrival-rate" && plan.executor !== "ramping-arrival-rate") return;
    const times = createArrivalTimes(plan.startRate, plan.timeUnitMs, plan.stages);
    const waiting = createBacklog(createArrivalTimes(plan.startRate, plan.timeUnitMs, plan.stages), startAt, place);
    backlog = waiting;
    const arrive = (dueAt: number): void => {
      const slot = waiting.size() === 0 ? idle.pop() : undefined;
      waiting.arrived(slot !== undefined);
      if (slot === undefined) return;
      const now = performance.now();
      generator.slipped(now - dueAt);
      start(slot, dueOrNow(dueAt, now), now);
    };
    stopArrivals = runArrivals(times, startAt, place, arrive, end);
  };
  const runClosed = (): void => {
    for (const slot of slots) {
      const now = performance.now();
      if (left > 0) start(slot, now, now);
      else idle.push(slot);
    }
    if (busy === 0) finish();
  };

  return {
    async run(startAt) {
      await prepare();
      if (isOpen) idle.push(...slots);
      const wait = Math.max(0, startAt - performance.now());
      const until = wait + regularMs(plan);
      const timers = [
        setTimeout(() => (isOpen ? runOpen(startAt) : runClosed()), wait),
        // What is due in the last moment is still sent: the schedule ends by itself.
        ...(isOpen ? [] : [setTimeout(end, until)]),
        setTimeout(finish, until + plan.gracefulStopMs),
      ];
      await done;
      for (const timer of timers) clearTimeout(timer);
    },
    stop(isImmediate) {
      const unsent = stopArrivals();
      if (unsent > 0) stopArrivals = () => unsent;
      end();
      if (isImmediate) finish();
    },
    progress: () => [{ scenario: plan.name, vus: busy, iterations: begun - busy }],
  };
}

function none(): number {
  return 0;
}

/** Arrivals that found nobody free, in order. Only their number is kept: when each was due follows from the schedule. */
interface Backlog {
  size(): number;
  /** One more arrival of this worker, which was taken at once or waits. */
  arrived(isTaken: boolean): void;
  /** When the oldest was due; it no longer waits. */
  next(): number | undefined;
}

function createBacklog(times: ArrivalTimes, startAt: number, place: WorkerPlace): Backlog {
  let arrived = 0;
  let taken = 0;
  return {
    size: () => arrived - taken,
    arrived(isTaken) {
      arrived++;
      if (isTaken) taken++;
    },
    next() {
      if (arrived === taken) return undefined;
      return startAt + times.timeOf(place.index + place.count * taken++);
    },
  };
}
