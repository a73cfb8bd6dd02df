import { Readable } from "node:stream";
import type { StatementPlan } from "../api/source.ts";
import type { DashboardState, RouteCost } from "../observe/dashboard/dashboard.ts";
import { percentileMs, type Point } from "../observe/dashboard/history.ts";
import type { DashboardView } from "../server/admin-dashboard.ts";
import type { Crew } from "./crew.ts";

/** As the dashboard of a single process. */
const MAX_WATCHERS = 8;
const MAX_BEHIND_BYTES = 4 * 1024 * 1024;
const EVERY_MS = 1000;
const TOLD_REQUESTS = 20;
const TOLD_STATEMENTS = 40;
const TOLD_ROUTES = 200;

/** The dashboard of all workers: what they tell of themselves, added up. They are asked only while somebody looks. */
export function createJoinedDashboard(crew: Crew): DashboardView {
  const watchers = new Set<Readable>();
  let timer: NodeJS.Timeout | undefined;

  const state = async (): Promise<DashboardState> => {
    const told = await Promise.all(
      crew.serving.map(async (worker) => ({
        slot: String(worker.slot),
        state: (await worker.ask({ what: "dashboard" }).catch(() => undefined)) as DashboardState | undefined,
      })),
    );
    return joinStates(told.flatMap(({ slot, state: each }) => (each === undefined ? [] : [{ slot, state: each }])));
  };
  let toldUntil = 0;
  const tell = async (): Promise<void> => {
    const now = await state();
    const event = toEvent(now, now.points.filter(({ at }) => at > toldUntil).length);
    toldUntil = now.points.at(-1)?.at ?? toldUntil;
    for (const watcher of watchers) {
      if (watcher.readableLength > MAX_BEHIND_BYTES) watcher.destroy();
      else watcher.push(event);
    }
  };

  return {
    state,
    events() {
      if (watchers.size >= MAX_WATCHERS) return undefined;
      const stream = new Readable({ read() {} });
      watchers.add(stream);
      stream.once("close", () => {
        watchers.delete(stream);
        if (watchers.size > 0) return;
        clearInterval(timer);
        timer = undefined;
      });
      void state().then((now) => stream.push(toEvent(now, now.points.length)));
      timer ??= setInterval(() => void tell(), EVERY_MS).unref();
      return stream;
    },
    async plan(id) {
      // Whoever sent it lately can tell.
      for (const worker of crew.serving) {
        const plan = (await worker.ask({ what: "plan", id })) as StatementPlan | undefined;
        if (plan !== undefined) return plan;
      }
      return undefined;
    },
  };
}

function toEvent(state: DashboardState, points: number): string {
  return `data: ${JSON.stringify({ ...state, points: points === 0 ? [] : state.points.slice(-points) })}\n\n`;
}

/** Adds up what several processes say of themselves. */
export function joinStates(told: readonly { readonly slot: string; readonly state: DashboardState }[]): DashboardState {
  const states = told.map(({ state }) => state);
  const [first = EMPTY] = states;
  return {
    version: first.version,
    node: first.node,
    upSeconds: Math.max(0, ...states.map(({ upSeconds }) => upSeconds)),
    points: joinPoints(states.map(({ points }) => points)),
    inFlight: sum(states, ({ inFlight }) => inFlight),
    stride: Math.max(1, ...states.map(({ stride }) => stride)),
    stages: joined(
      states.flatMap(({ stages }) => stages),
      ({ name }) => name,
      (one, other) => ({ name: one.name, ms: one.ms + other.ms }),
    ),
    routes: joined(
      states.flatMap(({ routes }) => routes),
      ({ method, endpoint }) => `${method} ${endpoint}`,
      joinRoutes,
    )
      .sort((one, other) => other.ms - one.ms)
      .slice(0, TOLD_ROUTES),
    slowest: states
      .flatMap(({ slowest }) => slowest)
      .sort((one, other) => other.ms - one.ms)
      .slice(0, TOLD_REQUESTS),
    failed: states
      .flatMap(({ failed }) => failed)
      .sort((one, other) => other.at - one.at)
      .slice(0, TOLD_REQUESTS),
    statements: joined(
      states.flatMap(({ statements }) => statements),
      ({ text }) => text,
      (one, other) => ({
        id: one.id,
        name: one.name,
        text: one.text,
        calls: one.calls + other.calls,
        ms: one.ms + other.ms,
        maxMs: Math.max(one.maxMs, other.maxMs),
        waitMs: one.waitMs + other.waitMs,
        shared: one.shared + other.shared,
        errors: one.errors + other.errors,
      }),
    )
      .sort((one, other) => other.ms - one.ms)
      .slice(0, TOLD_STATEMENTS),
    gauges: told.flatMap(({ slot, state: { gauges } }) =>
      gauges.map((gauge) => ({ ...gauge, labels: { worker: slot, ...gauge.labels } })),
    ),
    advice: joined(
      states.flatMap(({ advice }) => advice),
      ({ kind, route }) => `${kind} ${route}`,
      (one, other) => ({ ...one, requests: one.requests + other.requests, ms: one.ms + other.ms }),
    ).sort((one, other) => other.ms - one.ms),
  };
}

const EMPTY: Pick<DashboardState, "version" | "node"> = { version: "", node: process.versions.node };

/** A worker that is further behind does something long: the others are shown without it. */
const MOST_BEHIND_SECONDS = 3;

/** Seconds of the same name are one. Workers do not end theirs at the same moment: those that one still lacks are for later. */
function joinPoints(lists: readonly (readonly Point[])[]): Point[] {
  const ends = lists.flatMap((points) => points.at(-1)?.at ?? []);
  const end = Math.max(Math.min(...ends), Math.max(...ends) - MOST_BEHIND_SECONDS);
  const points = joined(lists.flat(), ({ at }) => String(at), joinPair)
    .filter(({ at }) => at <= end)
    .sort((one, other) => one.at - other.at);
  const starts = lists.map((each) => each[0]?.at ?? Infinity);
  return points.map((point) => ({
    ...point,
    p50: percentileMs(point.buckets, 0.5),
    p90: percentileMs(point.buckets, 0.9),
    p99: percentileMs(point.buckets, 0.99),
    busy: Math.min(1, point.busy / Math.max(1, starts.filter((start) => start <= point.at).length)),
  }));
}

function joinPair(one: Point, other: Point): Point {
  return {
    ...one,
    requests: one.requests + other.requests,
    refused: one.refused + other.refused,
    failed: one.failed + other.failed,
    buckets: one.buckets.map((count, at) => count + (other.buckets[at] ?? 0)),
    hits: one.hits + other.hits,
    lookups: one.lookups + other.lookups,
    busy: one.busy + other.busy,
    memoryBytes: one.memoryBytes + other.memoryBytes,
  };
}

/** Of percentiles the worse: those of a sum do not follow from those of its parts. */
function joinRoutes(one: RouteCost, other: RouteCost): RouteCost {
  return {
    method: one.method,
    endpoint: one.endpoint,
    requests: one.requests + other.requests,
    failed: one.failed + other.failed,
    refused: one.refused + other.refused,
    ms: one.ms + other.ms,
    p50: worse(one.p50, other.p50),
    p99: worse(one.p99, other.p99),
  };
}

function worse(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.max(one, other);
}

function joined<T>(list: readonly T[], keyOf: (each: T) => string, join: (one: T, other: T) => T): T[] {
  const byKey = new Map<string, T>();
  for (const each of list) {
    const key = keyOf(each);
    const before = byKey.get(key);
    byKey.set(key, before === undefined ? each : join(before, each));
  }
  return [...byKey.values()];
}

function sum<T>(list: readonly T[], of: (each: T) => number): number {
  return list.reduce((total, each) => total + of(each), 0);
}
