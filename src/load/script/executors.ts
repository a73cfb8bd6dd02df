import { createArrivalTimes } from "../arrivals.ts";
import { dueOrNow, runArrivals } from "../clock.ts";
import type { GeneratorWatch } from "../generator.ts";
import type { WorkerPlace } from "../messages.ts";
import type { Metric } from "../metrics.ts";
import { type Arrivals, type RampingVus, type ScenarioPlan, mostVus, regularMs } from "../plan.ts";
import { shareOf } from "../runner.ts";

/** A VU as an executor sees it. */
export interface IteratingVu {
  /**
   * Runs one iteration to its end; never rejects. Resolves with whether it has waited for something outside.
   *
   * @param dueAt when it was due; 0: now
   * @param index of the scenario, over all processes; -1: the next of this VU
   */
  iterate(dueAt: number, index: number): Promise<boolean>;
  /** Ends the iteration that runs. */
  interrupt(): void;
  /** Lets it run again after that. */
  revive(): void;
}

/** What an executor works with. */
export interface ExecutorParts {
  readonly place: WorkerPlace;
  readonly generator: GeneratorWatch;
  readonly dropped: Metric;
  /** Makes the nth VU of the scenario in this process. */
  createVu(index: number): Promise<IteratingVu>;
}

/** A scenario that runs in this process. */
export interface RunningScenario {
  /** VUs are made; resolves when it can start. */
  prepare(): Promise<void>;
  /** Resolves when all is done. */
  run(startAt: number): Promise<void>;
  stop(isImmediate: boolean): void;
  active(): number;
  progress(): number;
}

/** One of k6's six ways to hand out iterations, for the share of this process. */
export function createScenario(plan: ScenarioPlan, parts: ExecutorParts): RunningScenario {
  const { place } = parts;
  const vus: IteratingVu[] = [];
  const busy = new Set<IteratingVu>();
  let isEnding = false;
  let startedAt = 0;
  let begun = 0;

  const listeners: (() => void)[] = [];
  let isOver = false;
  const whenEnded = (listen: () => void): void => {
    if (isOver) listen();
    else listeners.push(listen);
  };
  const finish = (): void => {
    isOver = true;
    for (const listen of listeners.splice(0)) listen();
  };
  const end = (): void => {
    isEnding = true;
  };
  const interruptAll = (): void => {
    end();
    for (const vu of vus) vu.interrupt();
    finish();
  };
  const wait = async (at: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.max(0, at - performance.now()));
      whenEnded(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  /** VUs that loop until there is nothing more for them. */
  const loop = async (vu: IteratingVu, next: () => number | undefined): Promise<void> => {
    for (let index = next(); index !== undefined; index = next()) {
      busy.add(vu);
      begun++;
      const hasWaited = await vu.iterate(0, index);
      busy.delete(vu);
      // Otherwise nothing else would ever run.
      if (!hasWaited) await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const runLoops = async (count: number, nextOf: (at: number) => () => number | undefined): Promise<void> => {
    await Promise.all(vus.slice(0, count).map((vu, at) => loop(vu, nextOf(at))));
  };

  const runs: Readonly<Record<ScenarioPlan["executor"], () => Promise<void>>> = {
    "shared-iterations": async () => {
      const all = "iterations" in plan ? shareOf(plan.iterations, place) : 0;
      let next = 0;
      await runLoops(
        vus.length,
        () => () => (isEnding || next >= all ? undefined : place.index + place.count * next++),
      );
    },
    "per-vu-iterations": async () => {
      const each = "iterations" in plan ? plan.iterations : 0;
      await runLoops(vus.length, () => {
        let done = 0;
        return () => (isEnding || done++ >= each ? undefined : -1);
      });
    },
    "constant-vus": async () => runLoops(vus.length, () => () => (isEnding ? undefined : -1)),
    "ramping-vus": async () => rampVus(plan as RampingVus),
    "constant-arrival-rate": async () => arrive(plan as Arrivals),
    "ramping-arrival-rate": async () => arrive(plan as Arrivals),
  };

  const rampVus = async (ramp: RampingVus): Promise<void> => {
    const looping = new Map<number, Promise<void>>();
    const limits = new Map<number, NodeJS.Timeout>();
    let target = 0;
    const adjust = (): void => {
      target = isEnding ? 0 : shareOf(rampTarget(ramp, performance.now() - startedAt), place);
      for (let at = 0; at < target; at++) {
        clearTimeout(limits.get(at));
        limits.delete(at);
        if (looping.has(at)) continue;
        const vu = vus[at]!;
        vu.revive();
        looping.set(
          at,
          loop(vu, () => (isEnding || at >= target ? undefined : -1)).finally(() => looping.delete(at)),
        );
      }
      for (const at of looping.keys()) {
        if (at < target || limits.has(at)) continue;
        limits.set(
          at,
          setTimeout(() => vus[at]!.interrupt(), ramp.gracefulRampDownMs),
        );
      }
    };
    const timer = setInterval(adjust, RAMP_STEP_MS);
    adjust();
    await wait(startedAt + regularMs(ramp));
    clearInterval(timer);
    end();
    adjust();
    await Promise.all(looping.values());
    for (const limit of limits.values()) clearTimeout(limit);
  };

  const arrive = async (arrivals: Arrivals): Promise<void> => {
    const idle = [...vus];
    const most = shareOf(arrivals.maxVus, place);
    const times = createArrivalTimes(arrivals.startRate, arrivals.timeUnitMs, arrivals.stages);
    const under = new Set<Promise<void>>();
    let promised = vus.length;
    const finishing = async (vu: IteratingVu, dueAt: number, index: number): Promise<void> => {
      busy.add(vu);
      begun++;
      await vu.iterate(dueAt, index);
      busy.delete(vu);
      idle.push(vu);
    };
    const makeAndStart = async (at: number, dueAt: number, index: number): Promise<void> => {
      const made = await parts.createVu(at);
      vus.push(made);
      if (!isOver) start(made, dueAt, index);
    };
    const start = (vu: IteratingVu, dueAt: number, index: number): void => {
      const running = finishing(vu, dueAt, index).finally(() => under.delete(running));
      under.add(running);
    };
    await new Promise<void>((resolve) => {
      const stop = runArrivals(
        times,
        startedAt,
        place,
        (dueAt, index) => {
          const vu = idle.pop();
          if (vu !== undefined) {
            const now = performance.now();
            parts.generator.slipped(now - dueAt);
            start(vu, dueOrNow(dueAt, now), index);
          } else if (promised < most) {
            const at = promised++;
            const making = makeAndStart(at, dueAt, index).finally(() => under.delete(making));
            under.add(making);
          } else parts.dropped.add(1, { scenario: plan.name });
        },
        resolve,
      );
      whenEnded(() => {
        // What was still due is not begun, and counts as that.
        const left = stop();
        if (left > 0) parts.dropped.add(left, { scenario: plan.name });
        resolve();
      });
    });
    end();
    while (under.size > 0) await Promise.all(under);
  };

  return {
    async prepare() {
      const first =
        plan.executor === "constant-arrival-rate" || plan.executor === "ramping-arrival-rate"
          ? plan.preAllocatedVus
          : mostVus(plan);
      for (let at = 0; at < shareOf(first, place); at++) vus.push(await parts.createVu(at));
    },
    async run(startAt) {
      startedAt = startAt + plan.startTimeMs;
      await wait(startedAt);
      if (isEnding) return;
      // A schedule ends by itself, with all that was due.
      const isScheduled = plan.executor === "constant-arrival-rate" || plan.executor === "ramping-arrival-rate";
      const regular = isScheduled ? undefined : setTimeout(end, startedAt + regularMs(plan) - performance.now());
      const graceful = setTimeout(interruptAll, startedAt + regularMs(plan) + plan.gracefulStopMs - performance.now());
      await runs[plan.executor]();
      clearTimeout(regular);
      clearTimeout(graceful);
      finish();
    },
    stop(isImmediate) {
      end();
      if (isImmediate) interruptAll();
    },
    active: () => busy.size,
    progress() {
      if (startedAt === 0) return 0;
      if (plan.executor === "shared-iterations")
        return Math.min(1, begun / Math.max(1, shareOf(plan.iterations, place)));
      return Math.min(1, Math.max(0, (performance.now() - startedAt) / Math.max(1, regularMs(plan))));
    },
  };
}

/** How often the number of VUs follows its line. */
const RAMP_STEP_MS = 50;

/** How many VUs a ramp has come to. Going up a VU begins when its line is reached, going down it ends then. */
export function rampTarget({ startVus, stages }: RampingVus, elapsedMs: number): number {
  let from = startVus;
  let before = 0;
  for (const { durationMs, target } of stages) {
    if (elapsedMs < before + durationMs) {
      const exact = from + ((target - from) * (elapsedMs - before)) / durationMs;
      return target > from ? Math.floor(exact) : Math.ceil(exact);
    }
    before += durationMs;
    from = target;
  }
  return from;
}
