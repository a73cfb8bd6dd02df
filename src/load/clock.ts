import type { ArrivalTimes } from "./arrivals.ts";

/**
 * Timers of an event loop end at whole milliseconds and somewhat after. A start that is no later than that is taken to be in time: the
 * schedule, not the measurement, is what is off. Anything beyond counts as part of the response time, whoever is to blame.
 */
export const TIMER_GRAIN_MS = 2;

/** When a start that was due, and that nothing held up but the timer, is to have happened. */
export function dueOrNow(dueAt: number, now: number): number {
  return now - dueAt < TIMER_GRAIN_MS ? now : dueAt;
}

/**
 * Calls `arrive` for every arrival of this process when it is due, or as soon after that as the event loop allows.
 *
 * @param startAt of `performance.now()`
 * @returns what stops it, and how many arrivals of this process it has left then
 */
export function runArrivals(
  times: ArrivalTimes,
  startAt: number,
  worker: { readonly index: number; readonly count: number },
  arrive: (dueAt: number, index: number) => void,
  ended: () => void,
): () => number {
  let index = worker.index;
  let timer: NodeJS.Timeout | undefined;
  const dueOf = (): number => startAt + times.timeOf(index);
  let due = index < times.total ? dueOf() : Infinity;
  const walk = (): void => {
    timer = undefined;
    const now = performance.now();
    while (due <= now) {
      const dueAt = due;
      const arrived = index;
      index += worker.count;
      due = index < times.total ? dueOf() : Infinity;
      arrive(dueAt, arrived);
    }
    if (due === Infinity) ended();
    else timer = setTimeout(walk, Math.max(1, Math.min(1000, Math.floor(due - now))));
  };
  walk();
  return () => {
    clearTimeout(timer);
    const left = Math.max(0, Math.ceil((times.total - index) / worker.count));
    due = Infinity;
    index = times.total;
    return left;
  };
}
