import { HEAT_LEAST_MS, HEAT_ROWS_A_POWER } from "./heat-rows.ts";
import { Histogram } from "./histogram.ts";
import type { Tick } from "./messages.ts";

/** What happened in one step of the run. */
export interface Point {
  /** Seconds from the start. */
  readonly at: number;
  requests: number;
  failures: number;
  iterations: number;
  dropped: number;
  sentBytes: number;
  receivedBytes: number;
  vus: number;
  /** Milliseconds of `http_req_duration`; 0 where nothing was asked. */
  p50: number;
  p95: number;
  p99: number;
  max: number;
  /** The 99th percentile of the time from when a request was due. */
  responseP99: number;
  /** Row of the heat map and requests in it, in turn. */
  heat: readonly number[];
  /** Busiest of the load generating processes, in cores. */
  cpu: number;
  loopDelayMs: number;
  slipMs: number;
}

/** Points of a run in order. */
export interface Series {
  add(tick: Tick, worker: number): void;
  /** All so far, those that may still change included. */
  points(): readonly Point[];
  /** Seconds a point stands for: long runs have longer ones. */
  stepSeconds(): number;
}

const MAX_ROW = 65;
/** A run has at most so many points, and no less than half as many, however long it is. */
const MAX_POINTS = 1200;
/** Processes are not in step: so many seconds stay open for what comes late. */
const OPEN_SECONDS = 3;

interface OpenPoint {
  readonly point: Point;
  readonly duration: Histogram;
  readonly response: Histogram;
  readonly vusOf: Map<number, number>;
}

export function createSeries(): Series {
  let sealed: Point[] = [];
  const open = new Map<number, OpenPoint>();
  const spare: OpenPoint[] = [];
  let step = 1;

  const openAt = (second: number): OpenPoint => {
    const oldest = open.size === 0 ? second : Math.min(...open.keys());
    const key = Math.max(second, oldest);
    let found = open.get(key);
    if (found === undefined) {
      found = newPoint(key, spare.pop());
      open.set(key, found);
      for (const [at, old] of open) if (at < key - OPEN_SECONDS) seal(at, old);
    }
    return found;
  };
  const seal = (at: number, old: OpenPoint): void => {
    open.delete(at);
    fill(old);
    sealed.push(old.point);
    spare.push(old);
    if (sealed.length > MAX_POINTS) {
      sealed = halve(sealed);
      step *= 2;
    }
  };

  return {
    add(tick, worker) {
      const found = openAt(tick.second);
      const { point } = found;
      for (const { name, counted } of tick.samples) {
        if (counted.kind === "counter") {
          if (name === "http_reqs") point.requests += counted.sum;
          else if (name === "iterations") point.iterations += counted.sum;
          else if (name === "dropped_iterations") point.dropped += counted.sum;
          else if (name === "data_sent") point.sentBytes += counted.sum;
          else if (name === "data_received") point.receivedBytes += counted.sum;
        } else if (counted.kind === "rate" && name === "http_req_failed") point.failures += counted.passes;
        else if (counted.kind === "trend") {
          if (name === "http_req_duration") found.duration.add(counted.histogram);
          else if (name === "http_req_response_time") found.response.add(counted.histogram);
        }
      }
      found.vusOf.set(worker, Math.max(tick.vus, found.vusOf.get(worker) ?? 0));
      point.cpu = Math.max(point.cpu, tick.generator.cpu);
      point.loopDelayMs = Math.max(point.loopDelayMs, tick.generator.loopDelayMs);
      point.slipMs = Math.max(point.slipMs, tick.generator.slipMs);
    },
    points() {
      const rest = [...open.values()].sort((a, b) => a.point.at - b.point.at);
      for (const found of rest) fill(found);
      return [...sealed, ...rest.map(({ point }) => point)];
    },
    stepSeconds: () => step,
  };
}

function newPoint(at: number, spare: OpenPoint | undefined): OpenPoint {
  spare?.duration.reset();
  spare?.response.reset();
  return {
    point: {
      at,
      requests: 0,
      failures: 0,
      iterations: 0,
      dropped: 0,
      sentBytes: 0,
      receivedBytes: 0,
      vus: 0,
      p50: 0,
      p95: 0,
      p99: 0,
      max: 0,
      responseP99: 0,
      heat: [],
      cpu: 0,
      loopDelayMs: 0,
      slipMs: 0,
    },
    duration: spare?.duration ?? new Histogram(),
    response: spare?.response ?? new Histogram(),
    vusOf: new Map(),
  };
}

function fill({ point, duration, response, vusOf }: OpenPoint): void {
  point.p50 = duration.quantile(0.5);
  point.p95 = duration.quantile(0.95);
  point.p99 = duration.quantile(0.99);
  point.max = duration.count === 0 ? 0 : duration.max;
  point.responseP99 = response.quantile(0.99);
  point.vus = [...vusOf.values()].reduce((sum, vus) => sum + vus, 0);
  const rows = new Map<number, number>();
  for (const [value, count] of duration.entries()) {
    const row = heatRowOf(value);
    rows.set(row, (rows.get(row) ?? 0) + count);
  }
  point.heat = [...rows].flat();
}

function heatRowOf(ms: number): number {
  if (ms <= HEAT_LEAST_MS) return 0;
  return Math.min(MAX_ROW, Math.ceil(Math.log10(ms / HEAT_LEAST_MS) * HEAT_ROWS_A_POWER));
}

/** Two points become one: what is counted adds up, of times the worse stands. */
function halve(points: readonly Point[]): Point[] {
  const halved: Point[] = [];
  for (let at = 0; at < points.length; at += 2) {
    const first = points[at]!;
    const second = points[at + 1];
    halved.push(second === undefined ? first : merge(first, second));
  }
  return halved;
}

function merge(a: Point, b: Point): Point {
  const requests = a.requests + b.requests;
  const rows = new Map<number, number>();
  for (const heat of [a.heat, b.heat]) {
    for (let at = 0; at + 1 < heat.length; at += 2) rows.set(heat[at]!, (rows.get(heat[at]!) ?? 0) + heat[at + 1]!);
  }
  return {
    at: a.at,
    requests,
    failures: a.failures + b.failures,
    iterations: a.iterations + b.iterations,
    dropped: a.dropped + b.dropped,
    sentBytes: a.sentBytes + b.sentBytes,
    receivedBytes: a.receivedBytes + b.receivedBytes,
    vus: Math.max(a.vus, b.vus),
    p50: requests === 0 ? 0 : (a.p50 * a.requests + b.p50 * b.requests) / requests,
    p95: Math.max(a.p95, b.p95),
    p99: Math.max(a.p99, b.p99),
    max: Math.max(a.max, b.max),
    responseP99: Math.max(a.responseP99, b.responseP99),
    heat: [...rows].flat(),
    cpu: Math.max(a.cpu, b.cpu),
    loopDelayMs: Math.max(a.loopDelayMs, b.loopDelayMs),
    slipMs: Math.max(a.slipMs, b.slipMs),
  };
}
