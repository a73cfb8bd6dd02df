import { performance } from "node:perf_hooks";
import { DURATION_BUCKETS_SECONDS, type HttpMetrics } from "../http-metrics.ts";

/** What happened in one second. */
export interface Point {
  /** Seconds since the epoch. */
  readonly at: number;
  readonly requests: number;
  /** Answered 4xx and 5xx. */
  readonly refused: number;
  readonly failed: number;
  /** In milliseconds; `null`: there was no request. */
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
  /** Requests by bucket of their duration. */
  readonly buckets: readonly number[];
  /** Of the cache: answered from it, and looked for in it. */
  readonly hits: number;
  readonly lookups: number;
  /** Share of the second that the event loop was busy. */
  readonly busy: number;
  readonly memoryBytes: number;
}

/** Five minutes are kept. */
const POINTS = 300;
const SECOND_MS = 1000;

export interface CacheCounts {
  readonly hits: number;
  readonly misses: number;
}

/** The last minutes, second by second, read from what is counted anyway: a request costs nothing more. */
export class History {
  readonly points: Point[] = [];
  readonly #metrics: HttpMetrics;
  readonly #cache: () => CacheCounts | undefined;
  #before: Totals;
  #loop = performance.eventLoopUtilization();
  #timer: NodeJS.Timeout | undefined;

  constructor(metrics: HttpMetrics, cache: () => CacheCounts | undefined) {
    this.#metrics = metrics;
    this.#cache = cache;
    this.#before = this.#read();
  }

  /** @param each called after each second */
  start(each: () => void): void {
    this.#timer = setInterval(() => {
      this.add();
      each();
    }, SECOND_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Ends a second. */
  add(): void {
    const { buckets: old, ...before } = this.#before;
    const now = this.#read();
    this.#before = now;
    const buckets = now.buckets.map((count, at) => Math.max(0, count - (old[at] ?? 0)));
    const requests = buckets.reduce((sum, count) => sum + count, 0);
    const loop = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(loop, this.#loop);
    this.#loop = loop;
    this.points.push({
      at: nameSecond(this.points.at(-1)?.at, Date.now()),
      requests,
      refused: now.refused - before.refused,
      failed: now.failed - before.failed,
      p50: percentileMs(buckets, 0.5),
      p90: percentileMs(buckets, 0.9),
      p99: percentileMs(buckets, 0.99),
      buckets,
      hits: now.hits - before.hits,
      lookups: now.lookups - before.lookups,
      busy: Number.isNaN(utilization) ? 0 : utilization,
      memoryBytes: process.memoryUsage.rss(),
    });
    if (this.points.length > POINTS) this.points.shift();
  }

  #read(): Totals {
    const buckets = Array.from({ length: DURATION_BUCKETS_SECONDS.length + 1 }, () => 0);
    let refused = 0;
    let failed = 0;
    for (const { status, durations } of this.#metrics.routes()) {
      for (const [at, count] of durations.counts.entries()) buckets[at] = (buckets[at] ?? 0) + count;
      if (status.startsWith("4")) refused += durations.count;
      if (status.startsWith("5")) failed += durations.count;
    }
    const { hits = 0, misses = 0 } = this.#cache() ?? {};
    return { buckets, refused, failed, hits, lookups: hits + misses };
  }
}

interface Totals {
  readonly buckets: readonly number[];
  readonly refused: number;
  readonly failed: number;
  readonly hits: number;
  readonly lookups: number;
}

/** Within its bucket a duration is taken to be anywhere with the same likelihood, as Prometheus does. */
export function percentileMs(buckets: ArrayLike<number>, share: number): number | null {
  let total = 0;
  for (let at = 0; at < buckets.length; at++) total += buckets[at] ?? 0;
  if (total === 0) return null;
  let before = 0;
  for (let at = 0; at < buckets.length; at++) {
    const count = buckets[at] ?? 0;
    if (before + count >= share * total && count > 0) {
      const low = at === 0 ? 0 : (DURATION_BUCKETS_SECONDS[at - 1] ?? 0);
      const high = DURATION_BUCKETS_SECONDS[at] ?? low;
      return (low + (high - low) * ((share * total - before) / count)) * 1000;
    }
    before += count;
  }
  return null;
}

/** A timer is early or late by some milliseconds, which must not leave out a second, nor have one twice: workers' seconds are added by name. */
export function nameSecond(before: number | undefined, nowMs: number): number {
  const next = (before ?? Number.NEGATIVE_INFINITY) + 1;
  return Math.abs(nowMs / SECOND_MS - next) < 1 ? next : Math.max(next, Math.round(nowMs / SECOND_MS));
}
