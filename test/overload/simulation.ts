import type { SourceReply } from "../../src/api/source.ts";
import type { SourceRequest } from "../../src/api/source-request.ts";
import { createGate, type Passage } from "../../src/overload/gate.ts";
import type { Priority } from "../../src/overload/priority.ts";
import type { Refusal } from "../../src/overload/waiting-room.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { Agenda } from "./agenda.ts";

/** A stretch of offered load, and the source as it is meanwhile. */
export interface Stretch {
  readonly seconds: number;
  /** What the source works with; the requests that it has share it evenly, and none has more than one. 0: it stands still. */
  readonly cores: number;
  /** Requests that it works at; the others wait in it, in order. Default: as many as come. */
  readonly connections?: number;
  readonly kinds: readonly SimulatedKind[];
}

/** Requests of one kind that come by themselves (a Poisson process), or from clients that ask again when they are answered. */
export interface SimulatedKind {
  readonly name: string;
  readonly perSecond?: number;
  readonly clients?: number;
  /** Mean of what it takes: part of that always, the rest by an exponential distribution. */
  readonly serviceMs: number;
  /** The rest's share. Default 0.5. */
  readonly spread?: number;
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
  readonly seed?: number;
  readonly strain?: () => number;
  readonly isSaturated?: () => boolean;
  /** Told when a stretch is over. */
  readonly ended?: (stretch: number) => void;
}

/** Runs requests through a gate into a source, by a clock of its own: minutes of load in milliseconds, the same each time. */
export function simulate(stretches: readonly Stretch[], options: SimulationOptions = {}): Outcome[] {
  const random = seededRandom(options.seed ?? 1);
  const exponential = (mean: number): number => -Math.log(1 - random()) * mean;
  let nowMs = 1_000_000;
  const events = new Agenda<() => void>();
  let refusal: Refusal = "late";
  const gate = createGate({
    minLimit: 2,
    maxLimit: 10_000,
    delayMs: 1000,
    maxWaiting: 10_000,
    shares: { high: 50, normal: 30, low: 5 },
    priorityOf: (request) => (request as unknown as Job).priority,
    strain: options.strain ?? (() => 0),
    isSaturated: options.isSaturated ?? (() => false),
    refuse(why) {
      refusal = why;
      return { ...REPLY, status: 503 };
    },
    clock: () => nowMs,
  });

  // The source: everything that is worked at has had as much as `progress` has grown since it began.
  let cores = 1;
  let connections = Infinity;
  let progress = 0;
  let updatedMs = nowMs;
  let turn = 0;
  const working = new Agenda<Job>();
  const queued: Job[] = [];

  function advance(): void {
    progress += (nowMs - updatedMs) * paceOf();
    updatedMs = nowMs;
  }

  function paceOf(): number {
    return working.size === 0 ? 0 : Math.min(1, cores / working.size);
  }

  /** Takes in what there is room for, and looks again when the next of them is done. */
  function work(): void {
    advance();
    for (let done = working.take(progress + 1e-9); done !== undefined; done = working.take(progress + 1e-9))
      finish(done.what);
    while (queued.length > 0 && working.size < connections) {
      const job = queued.shift()!;
      working.add(progress + job.workMs, job);
    }
    const pace = paceOf();
    if (pace === 0) return;
    const mine = ++turn;
    events.add(nowMs + Math.max(1e-6, (working.first! - progress) / pace), () => {
      if (mine === turn) work();
    });
  }

  function arrive(kind: SimulatedKind, outcome: Outcome, ended: () => void): void {
    outcome.offered++;
    const { serviceMs, spread = 0.5 } = kind;
    const workMs = serviceMs * (1 - spread) + exponential(serviceMs * spread);
    const job = new Job(kind, workMs, nowMs, ended, outcome);
    if (gate.isOpen) {
      give(job);
      work();
      return;
    }
    gate.wait(job as unknown as SourceRequest, (refused) => {
      if (refused === undefined) {
        give(job);
        return;
      }
      outcome.refused[refusal]++;
      ended();
    });
  }

  function give(job: Job): void {
    job.passage = gate.begin();
    queued.push(job);
  }

  function finish(job: Job): void {
    job.outcome.served.push({ kind: job.kind.name, latencyMs: nowMs - job.arrivedMs });
    gate.end(job.passage, job as unknown as SourceRequest, REPLY);
    job.ended();
  }

  return stretches.map((stretch, at) => {
    const outcome: Outcome = { served: [], refused: { late: 0, crowded: 0, left: 0 }, offered: 0, limit: 0 };
    const endMs = nowMs + stretch.seconds * 1000;
    advance();
    ({ cores, connections = Infinity } = stretch);
    for (const kind of stretch.kinds) {
      const later = (ms: number, happen: () => void): void => {
        if (nowMs + ms < endMs) events.add(nowMs + ms, happen);
      };
      const come = (): void => {
        later(exponential(1000 / kind.perSecond!), come);
        arrive(kind, outcome, () => undefined);
      };
      const ask = (): void => arrive(kind, outcome, () => later(THINK_MS, ask));
      if (kind.perSecond !== undefined) later(exponential(1000 / kind.perSecond), come);
      for (let client = 0; client < (kind.clients ?? 0); client++) later(exponential(THINK_MS), ask);
    }
    work();
    for (let event = events.take(endMs); event !== undefined; event = events.take(endMs)) {
      nowMs = event.at;
      event.what();
    }
    nowMs = endMs;
    outcome.limit = gate.limit;
    options.ended?.(at);
    return outcome;
  });
}

/** Of the values, the one that this share is below. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** Between a reply and the next request of a client that asks again. */
const THINK_MS = 1;
const REPLY: SourceReply = { status: 200, headers: {}, body: "" };

/** A request, with what a gate looks at. */
class Job {
  readonly method = "GET";
  readonly query = "";
  readonly path: string;
  readonly signal = NEVER;
  readonly priority: Priority;
  passage: Passage | undefined;
  readonly kind: SimulatedKind;
  readonly workMs: number;
  readonly arrivedMs: number;
  readonly ended: () => void;
  readonly outcome: Outcome;

  constructor(kind: SimulatedKind, workMs: number, arrivedMs: number, ended: () => void, outcome: Outcome) {
    this.kind = kind;
    this.path = `/${kind.name}`;
    this.priority = kind.priority ?? "normal";
    this.workMs = workMs;
    this.arrivedMs = arrivedMs;
    this.ended = ended;
    this.outcome = outcome;
  }
}

const NEVER = { aborted: false, addEventListener: () => undefined };
