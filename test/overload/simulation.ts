import { createAdaptiveLimit } from "../../src/overload/adaptive-limit.ts";
import type { Priority } from "../../src/overload/priority.ts";
import { type Refusal, type Ticket, WaitingRoom } from "../../src/overload/waiting-room.ts";

/** A stretch of offered load, and the source as it is meanwhile. */
export interface Stretch {
  readonly seconds: number;
  /** Requests that the source answers side by side; the others wait in it, in order. */
  readonly workers: number;
  readonly kinds: readonly SimulatedKind[];
}

export interface SimulatedKind {
  readonly name: string;
  readonly perSecond: number;
  /** Mean of an exponential distribution, above half of it. */
  readonly serviceMs: number;
  readonly priority?: Priority;
}

/** What became of the requests that came in one stretch. */
export interface Outcome {
  readonly served: { readonly kind: string; readonly latencyMs: number }[];
  readonly refused: Record<Refusal, number>;
  offered: number;
  /** At its end. */
  limit: number;
}

export interface SimulationOptions {
  readonly delayMs: number;
  readonly min?: number;
  readonly seed?: number;
}

/** Runs requests that come by themselves through a limit and a waiting room into a source, by a clock of its own. */
export function simulate(stretches: readonly Stretch[], options: SimulationOptions): Outcome[] {
  const random = seeded(options.seed ?? 1);
  const exponential = (mean: number): number => -Math.log(1 - random()) * mean;
  let nowMs = 1_000_000;
  const clock = (): number => nowMs;
  const limit = createAdaptiveLimit({ min: options.min ?? 2, max: 10_000, delayMs: options.delayMs, clock });
  const shares = { high: 50, normal: 30, low: 5 };
  const room = new WaitingRoom({ delayMs: options.delayMs, maxWaiting: 1000, shares, clock });
  const events = new Agenda();
  const queued: Job[] = [];
  let working = 0;
  let inFlight = 0;
  let workers = 1;

  function arrive(kind: SimulatedKind, outcome: Outcome): void {
    outcome.offered++;
    const job: Job = { kind, outcome, arrivedMs: nowMs, givenMs: 0, before: 0, isObserved: false };
    if (room.size === 0 && inFlight < limit.current) {
      give(job);
      return;
    }
    const settle = (refusal: Refusal | undefined): void => {
      if (refusal === undefined) give(job);
      else outcome.refused[refusal]++;
    };
    const ticket: Ticket = {
      priority: kind.priority ?? "normal",
      since: nowMs,
      settle,
      previous: undefined,
      next: undefined,
      isWaiting: false,
    };
    room.enter(ticket);
  }

  function give(job: Job): void {
    job.before = ++inFlight;
    job.isObserved = limit.begin(inFlight);
    job.givenMs = nowMs;
    queued.push(job);
    work();
  }

  function work(): void {
    while (working < workers && queued.length > 0) {
      const job = queued.shift()!;
      working++;
      const { serviceMs } = job.kind;
      events.add(nowMs + serviceMs / 2 + exponential(serviceMs / 2), () => finish(job));
    }
  }

  function finish(job: Job): void {
    working--;
    const now = inFlight--;
    job.outcome.served.push({ kind: job.kind.name, latencyMs: nowMs - job.arrivedMs });
    if (job.isObserved) limit.observe(job.kind.name, nowMs - job.givenMs, job.before, now);
    while (inFlight < limit.current) {
      const ticket = room.next();
      if (ticket === undefined) break;
      ticket.settle(undefined);
    }
    work();
  }

  return stretches.map((stretch) => {
    const outcome: Outcome = { served: [], refused: { late: 0, crowded: 0, left: 0 }, offered: 0, limit: 0 };
    const endMs = nowMs + stretch.seconds * 1000;
    workers = stretch.workers;
    for (const kind of stretch.kinds) {
      const next = (atMs: number): void => {
        if (atMs >= endMs) return;
        events.add(atMs, () => {
          arrive(kind, outcome);
          next(atMs + exponential(1000 / kind.perSecond));
        });
      };
      next(nowMs + exponential(1000 / kind.perSecond));
    }
    for (let event = events.take(endMs); event !== undefined; event = events.take(endMs)) {
      nowMs = event.atMs;
      event.happen();
    }
    nowMs = endMs;
    outcome.limit = limit.current;
    return outcome;
  });
}

/** Of the values, the one that this share is below. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

interface Job {
  readonly kind: SimulatedKind;
  readonly outcome: Outcome;
  readonly arrivedMs: number;
  givenMs: number;
  before: number;
  isObserved: boolean;
}

/** Events in the order of their time: a binary heap. */
class Agenda {
  readonly #heap: { atMs: number; happen: () => void }[] = [];

  add(atMs: number, happen: () => void): void {
    const heap = this.#heap;
    let at = heap.push({ atMs, happen }) - 1;
    for (let up = (at - 1) >> 1; at > 0 && heap[up]!.atMs > heap[at]!.atMs; at = up, up = (at - 1) >> 1) {
      [heap[up], heap[at]] = [heap[at]!, heap[up]!];
    }
  }

  take(untilMs: number): { atMs: number; happen: () => void } | undefined {
    const heap = this.#heap;
    const first = heap[0];
    if (first === undefined || first.atMs >= untilMs) return undefined;
    const last = heap.pop()!;
    if (heap.length > 0) heap[0] = last;
    for (let at = 0; ;) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < heap.length && heap[child]!.atMs < heap[least]!.atMs) least = child;
      }
      if (least === at) return first;
      [heap[least], heap[at]] = [heap[at]!, heap[least]!];
      at = least;
    }
  }
}

/** Mulberry32: numbers between 0 and 1. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
