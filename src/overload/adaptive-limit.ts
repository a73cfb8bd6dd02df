import { createBaselines, type Knowledge } from "./baselines.ts";

/** How many requests a source is given at once, found from how long it takes for them. */
export interface AdaptiveLimit {
  /** A whole number. */
  readonly current: number;
  /** How long an answer may take, in milliseconds: the mean of those that came last; without end until some have. */
  readonly allowedMs: number;
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
  /**
   * More comes than can be answered, for another while. What answers take without load must now be known: where it is not, the limit is halved
   * for as long as that makes them quicker.
   */
  distrust(nowMs: number): void;
}

/** What a limit is made of. */
export interface AdaptiveLimitOptions {
  /** What a source is always given. */
  readonly min: number;
  readonly max: number;
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
 * nothing else was under way, so that slow requests in place of quick ones look like what they are; and once the limit is down at its
 * least, what they take there is what they should.
 */
export function createAdaptiveLimit(options: AdaptiveLimitOptions): AdaptiveLimit {
  const { min, max, clock = () => performance.now() } = options;
  const baselines = createBaselines();
  let limit = Math.max(min, Math.min(max, INITIAL));
  /** Requests that were begun before are of an earlier limit. */
  let sinceMs = Number.NEGATIVE_INFINITY;
  let allowedMs = Number.POSITIVE_INFINITY;
  /** How long they take: a moving mean. */
  let tookMs = 0;
  /** What came last was judged by what is known of a source without load. */
  let isTrusted = false;
  /** At its least the limit is too large still. */
  let isStuck = false;
  /** From its least the limit is doubled until that is too much. */
  let isRising = false;
  /** What answers took when the limit was halved for not being trusted. */
  let distrustedMs = 0;
  let distrustedAtMs = Number.NEGATIVE_INFINITY;
  let refusedAtMs = Number.NEGATIVE_INFINITY;
  /** It does not grow before so many replies have come. */
  let held = 0;
  /** Every so manieth request is observed. */
  let stride = 1;
  let sinceLast = 0;
  let window = openWindow(clock());

  function close(nowMs: number): void {
    const { samples, takenMs, peak, known } = window;
    stride = Math.max(1, Math.min(2 * stride, Math.floor((stride * samples) / ENOUGH_SAMPLES)));
    allowedMs = window.allowedMs / samples;
    isTrusted = known * 2 > samples;
    const isUsed = peak >= Math.floor(limit) * USED;
    const slowdown = Math.max(takenMs / window.allowedMs, options.strain?.() ?? 0);
    isStuck = limit <= min && slowdown > (isStuck ? LEARNT : 1);
    window = openWindow(nowMs);
    if (slowdown > 1) {
      limit = Math.max(min, Math.min(limit, Math.max(peak, min)) * Math.max(STEEPEST, 1 / slowdown));
      isRising = limit <= min;
      sinceMs = nowMs;
    } else if (isUsed && !isStuck && held === 0 && options.isSaturated?.() !== true) {
      const step = isRising ? limit : Math.max(Math.sqrt(limit), limit / 4);
      limit = Math.min(max, limit + step * Math.min(1, 2 * (1 - slowdown)));
    }
  }

  /** What a reply tells that had at most so many beside it. */
  function knowledgeOf(most: number): Knowledge {
    if (most <= 1) return "alone";
    return isStuck && most <= min ? "least" : "loaded";
  }

  return {
    get current() {
      return Math.floor(limit);
    },
    get allowedMs() {
      return allowedMs;
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
      const baseline = baselines.learn(kind, latencyMs, knowledgeOf(Math.max(before, now)));
      if (nowMs - latencyMs < sinceMs) return;
      if (held > 0) held--;
      tookMs += (latencyMs - tookMs) / RECENT;
      const slackMs = nowMs - refusedAtMs < STRICT_MS ? STRICT_SLACK_MS : SLACK_MS;
      const allowed = baseline.meanMs * (baseline.isTrue ? TOLERANCE : STAND_IN_TOLERANCE) + slackMs;
      if (baseline.isTrue) window.known++;
      window.samples++;
      window.allowedMs += allowed;
      window.takenMs += Math.min(latencyMs, allowed * OUTLIER);
      const age = nowMs - window.since;
      const enough = isRising ? Math.min(MIN_SAMPLES, limit) : MIN_SAMPLES;
      if (age >= WINDOW_MS && (window.samples >= enough || age >= LONGEST_WINDOW_MS)) close(nowMs);
    },
    distrust(nowMs) {
      refusedAtMs = nowMs;
      if (isTrusted || held > 0) return;
      const agoMs = nowMs - distrustedAtMs;
      if (agoMs < FORGOTTEN_MS && tookMs > distrustedMs * FALLEN) return;
      distrustedAtMs = nowMs;
      distrustedMs = tookMs;
      limit = Math.max(min, limit / 2);
      sinceMs = nowMs;
      held = ENOUGH_TO_TELL;
    },
  };
}

/** What was seen since the limit was last looked at. */
interface Window {
  readonly since: number;
  samples: number;
  /** Of them, those of kinds that are known without load. */
  known: number;
  /** How long replies took, and how long they might have taken. */
  takenMs: number;
  allowedMs: number;
  /** The most requests at once. */
  peak: number;
}

function openWindow(since: number): Window {
  return { since, samples: 0, known: 0, takenMs: 0, allowedMs: 0, peak: 0 };
}

/** What is too much was let in and must be worked off; what is too little is doubled window by window. */
const INITIAL = 100;
const WINDOW_MS = 100;
const LONGEST_WINDOW_MS = 1000;
const MIN_SAMPLES = 10;
/** More in a window would cost more than they tell. */
const ENOUGH_SAMPLES = 100;
/** So much longer than without load is no sign of load: latencies vary, and nobody notices some milliseconds. Reads share statements the more the more are under way. */
const TOLERANCE = 1.5;
const SLACK_MS = 25;
/** While requests are refused, those that are let in are to be nearly as quick as ever. */
const STRICT_SLACK_MS = 5;
/** For so long after a refusal. */
const STRICT_MS = 1000;
/** The quickest in a row stand in for what is not known: others of them are that much slower without load. */
const STAND_IN_TOLERANCE = 2;
/** Of what is allowed: enough is known again when replies take so little of it. */
const LEARNT = 0.75;
/** Where half of the limit did not bring down to this what replies take, it was not the limit. */
const FALLEN = 0.75;
const ENOUGH_TO_TELL = 64;
const RECENT = 32;
const FORGOTTEN_MS = 15_000;
/** One reply is at most as telling as this many that came at the last allowed moment. */
const OUTLIER = 8;
/** The least that is left of a limit at a time. */
const STEEPEST = 0.5;
/** A limit that is less used than this may be right or wrong; it does not grow for nothing. */
const USED = 0.8;
