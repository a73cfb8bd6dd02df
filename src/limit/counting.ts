// The arithmetic of rate limits, free of clocks and stores. States are changed in place: a decision makes nothing but itself.
import type { Decision } from "./policy.ts";

/** A question to a counting function. */
export interface Ask {
  nowMs: number;
  cost: number;
  quota: number;
  windowMs: number;
  burst: number;
  /** Take it whether it is there or not. */
  isForced: boolean;
}

/** How one algorithm counts. */
export interface Counting<State> {
  /** The state of a key that has not been seen. */
  readonly create: () => State;
  count(state: State, ask: Ask): Decision;
}

/** When all units will be back (ITU-T I.371, "theoretical arrival time"). */
export interface CellRate {
  backMs: number;
}

/** Generic cell rate algorithm: units come back one by one, `burst` may be taken at once. */
export const gcra: Counting<CellRate> = {
  create: () => ({ backMs: Number.NEGATIVE_INFINITY }),
  count(state, { nowMs, cost, quota, windowMs, burst, isForced }) {
    const intervalMs = windowMs / quota;
    const burstMs = intervalMs * Math.min(burst, quota);
    const before = Math.max(state.backMs, nowMs);
    // Sums of fractions must not lose the last unit.
    const isAllowed = isForced || before + intervalMs * Math.max(cost, 1) - nowMs <= burstMs + EPSILON_MS;
    const kept = isAllowed ? before + intervalMs * cost : before;
    state.backMs = kept;
    return {
      isAllowed,
      remaining: Math.floor((burstMs - (kept - nowMs)) / intervalMs + EPSILON_MS),
      resetMs: Math.max(0, kept - nowMs),
      retryAfterMs: isAllowed ? 0 : Math.max(1, before + intervalMs * Math.max(cost, 1) - burstMs - nowMs),
    };
  },
};

/** A window and what was taken in it, and in the one before. */
export interface WindowCount {
  window: number;
  count: number;
  previous: number;
}

const newWindow = (): WindowCount => ({ window: -1, count: 0, previous: 0 });

/** Begins the window that the time falls into. */
function enterWindow(state: WindowCount, window: number): void {
  if (state.window === window) return;
  state.previous = state.window === window - 1 ? state.count : 0;
  state.count = 0;
  state.window = window;
}

/** Windows aligned to the epoch, each with the whole quota: cheap, and up to twice the quota around a boundary. */
export const fixedWindow: Counting<WindowCount> = {
  create: newWindow,
  count(state, { nowMs, cost, quota, windowMs, isForced }) {
    const window = Math.floor(nowMs / windowMs);
    enterWindow(state, window);
    const resetMs = (window + 1) * windowMs - nowMs;
    const isAllowed = isForced || state.count + Math.max(cost, 1) <= quota;
    if (isAllowed) state.count = Math.max(0, state.count + cost);
    return {
      isAllowed,
      remaining: quota - state.count,
      resetMs,
      retryAfterMs: isAllowed ? 0 : resetMs,
    };
  },
};

/**
 * Two counters: the window before counts for the share of it that the sliding window still covers, as if its requests
 * had come evenly. Off by a few per cent where they did not.
 */
export const slidingWindow: Counting<WindowCount> = {
  create: newWindow,
  count(state, { nowMs, cost, quota, windowMs, isForced }) {
    const window = Math.floor(nowMs / windowMs);
    enterWindow(state, window);
    const { count, previous } = state;
    const elapsedMs = nowMs - window * windowMs;
    const used = (previous * (windowMs - elapsedMs)) / windowMs + count;
    const needed = Math.max(cost, 1);
    const isAllowed = isForced || used + needed <= quota + EPSILON_MS;
    const kept = isAllowed ? Math.max(0, count + cost) : count;
    state.count = kept;
    return {
      isAllowed,
      remaining: Math.floor(quota - used - (kept - count) + EPSILON_MS),
      resetMs: kept > 0 ? 2 * windowMs - elapsedMs : windowMs - elapsedMs,
      retryAfterMs: isAllowed ? 0 : waitForSlide(quota - needed, { count, previous, elapsedMs, windowMs }),
    };
  },
};

/** How long until no more than `allowed` is in use. */
function waitForSlide(
  allowed: number,
  { count, previous, elapsedMs, windowMs }: { count: number; previous: number; elapsedMs: number; windowMs: number },
): number {
  const restMs = windowMs - elapsedMs;
  if (allowed < 0) return restMs + windowMs;
  // In this window only what the one before still counts for goes away; afterwards what was taken in this one does.
  const inThisMs = previous > 0 && count <= allowed ? restMs - ((allowed - count) * windowMs) / previous : Infinity;
  if (inThisMs <= restMs) return Math.max(1, inThisMs);
  return count <= allowed ? restMs : restMs + windowMs - (allowed * windowMs) / count;
}

/** What was taken within the last window, the oldest first. */
export interface TakenLog {
  readonly taken: { readonly atMs: number; readonly units: number }[];
  /** Those before it are over. */
  first: number;
  used: number;
}

/** Every unit is remembered for a window: exact, at the cost of as much memory as the quota. */
export const slidingLog: Counting<TakenLog> = {
  create: () => ({ taken: [], first: 0, used: 0 }),
  count(log, { nowMs, cost, quota, windowMs, isForced }) {
    forget(log, nowMs - windowMs);
    const needed = Math.max(cost, 1);
    const isAllowed = isForced || log.used + needed <= quota;
    if (isAllowed && cost > 0) {
      log.taken.push({ atMs: nowMs, units: cost });
      log.used += cost;
    } else if (cost < 0) giveBack(log, -cost);
    const last = log.taken.at(-1);
    return {
      isAllowed,
      remaining: quota - log.used,
      resetMs: last === undefined ? 0 : Math.max(0, last.atMs + windowMs - nowMs),
      retryAfterMs: isAllowed ? 0 : waitForOldest(log, log.used + needed - quota, nowMs, windowMs),
    };
  },
};

function forget(log: TakenLog, beforeMs: number): void {
  const { taken } = log;
  for (let entry = taken[log.first]; entry !== undefined && entry.atMs <= beforeMs; entry = taken[log.first]) {
    log.used -= entry.units;
    log.first++;
  }
  // Moved together when half of it is over, so that each entry is moved once on average.
  if (log.first > 0 && log.first >= taken.length / 2) {
    taken.splice(0, log.first);
    log.first = 0;
  }
}

/** Takes units from the newest entries. */
function giveBack(log: TakenLog, units: number): void {
  for (let rest = units; rest > 0 && log.taken.length > log.first;) {
    const { atMs, units: taken } = log.taken.pop()!;
    const back = Math.min(rest, taken);
    if (taken > back) log.taken.push({ atMs, units: taken - back });
    log.used -= back;
    rest -= back;
  }
}

function waitForOldest({ taken, first }: TakenLog, surplus: number, nowMs: number, windowMs: number): number {
  let freed = 0;
  for (let at = first; at < taken.length; at++) {
    const { atMs, units } = taken[at]!;
    freed += units;
    if (freed >= surplus) return Math.max(1, atMs + windowMs - nowMs);
  }
  return windowMs;
}

const EPSILON_MS = 1e-6;
