import { createBaselines } from "./baselines.ts";

/** How many requests a source is given at once, found from how long it takes for them. */
export interface AdaptiveLimit {
  /** A whole number. */
  readonly current: number;
  /**
   * A request is given to the source.
   *
   * @param inFlight requests that it has now, this one included.
   * @returns whether it is to be observed: where there are many, not each need be.
   */
  begin(inFlight: number): boolean;
  /**
   * The source has answered one that is to be observed.
   *
   * @param before requests that it had when this one was given to it, this one included.
   * @param now the same when it answered.
   */
  observe(kind: string, latencyMs: number, before: number, now: number): void;
}

/** What a limit is made of. */
export interface AdaptiveLimitOptions {
  /** What a source is always given; what it takes for so few is taken for its pace without load. */
  readonly min: number;
  readonly max: number;
  /** How much longer than without load replies may take, for the waiting that sharing brings. */
  readonly delayMs: number;
  /** How far beyond what it can bear the process is: 1 is just that. */
  readonly strain?: () => number;
  /** Whether requests wait inside the source for something to be free: more at once would only wait longer. */
  readonly isSaturated?: () => boolean;
  /** Milliseconds; `performance.now` unless a test has another. */
  readonly clock?: () => number;
}

/**
 * A gradient of latency, as Netflix's limits and Envoy's filter have one: the limit is multiplied by how much quicker replies should have
 * been, and grows by its square root while they are in time and it is used. What they should take is known for each kind of request from when
 * hardly any was under way, so that slow requests in place of quick ones look like what they are; and once the limit is down at its
 * least, every request tells anew.
 */
export function createAdaptiveLimit(options: AdaptiveLimitOptions): AdaptiveLimit {
  const { min, max, delayMs, clock = () => performance.now() } = options;
  const baselines = createBaselines();
  // Until something is known.
  let limit = max;
  let isNew = true;
  /** Every so manieth request is observed. */
  let stride = 1;
  let sinceLast = 0;
  let window = openWindow(clock());

  function close(nowMs: number): void {
    const { samples, takenMs, allowedMs, peak } = window;
    stride = Math.max(1, Math.min(2 * stride, Math.floor((stride * samples) / ENOUGH_SAMPLES)));
    window = openWindow(nowMs);
    if (isNew) limit = Math.min(max, Math.max(peak, INITIAL));
    isNew = false;
    const isUsed = peak >= Math.floor(limit) * USED;
    const slowdown = Math.max(takenMs / allowedMs, options.strain?.() ?? 0);
    if (slowdown > 1) {
      limit = Math.max(min, Math.min(limit, Math.max(peak, min)) * Math.max(STEEPEST, 1 / slowdown));
    } else if (isUsed && options.isSaturated?.() !== true) {
      limit = Math.min(max, limit + Math.sqrt(limit) * Math.min(1, 2 * (1 - slowdown)));
    }
  }

  return {
    get current() {
      return Math.floor(limit);
    },
    begin(inFlight) {
      if (inFlight > window.peak) window.peak = inFlight;
      if (++sinceLast < stride) return false;
      sinceLast = 0;
      return true;
    },
    observe(kind, latencyMs, before, now) {
      const nowMs = clock();
      if (nowMs - window.since > 2 * LONGEST_WINDOW_MS) {
        // After a pause.
        window = openWindow(nowMs);
        stride = 1;
      }
      if (now > window.peak) window.peak = now;
      const allowedMs = baselines.learn(kind, latencyMs, Math.max(before, now) <= min) * TOLERANCE + delayMs;
      window.samples++;
      window.allowedMs += allowedMs;
      window.takenMs += Math.min(latencyMs, allowedMs * OUTLIER);
      const age = nowMs - window.since;
      if (age >= WINDOW_MS && (window.samples >= MIN_SAMPLES || age >= LONGEST_WINDOW_MS)) close(nowMs);
    },
  };
}

/** What was seen since the limit was last looked at. */
interface Window {
  readonly since: number;
  samples: number;
  /** How long replies took, and how long they might have taken. */
  takenMs: number;
  allowedMs: number;
  /** The most requests at once. */
  peak: number;
}

function openWindow(since: number): Window {
  return { since, samples: 0, takenMs: 0, allowedMs: 0, peak: 0 };
}

/** Too much is soon found out, window by window the half of it, but what was let in must be worked off first; less than is needed is refused. */
const INITIAL = 100;
const WINDOW_MS = 100;
const LONGEST_WINDOW_MS = 1000;
const MIN_SAMPLES = 10;
/** More in a window would cost more than they tell. */
const ENOUGH_SAMPLES = 100;
/** So much longer than without load is no sign of load: latencies vary. */
const TOLERANCE = 1.5;
/** One reply is at most as telling as this many that came at the last allowed moment. */
const OUTLIER = 8;
/** The least that is left of a limit at a time. */
const STEEPEST = 0.5;
/** A limit that is less used than this may be right or wrong; it does not grow for nothing. */
const USED = 0.8;
