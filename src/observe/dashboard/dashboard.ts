import { performance } from "node:perf_hooks";
import { Readable } from "node:stream";
import type { HttpMetrics } from "../http-metrics.ts";
import type { StatementPlan } from "../../api/source.ts";
import type { Advice, Explain } from "../advice/index.ts";
import type { Metrics } from "../metrics.ts";
import type { HistogramSeries } from "../series.ts";
import { VERSION } from "../../version.ts";
import { type CacheCounts, History, percentileMs, type Point } from "./history.ts";
import type { StageTime } from "./stage-times.ts";
import type { StatementCost } from "./statement-costs.ts";
import type { ToldRequest } from "./told-requests.ts";
import type { TraceTables } from "./trace-tables.ts";

/** What the dashboard shows. */
export interface DashboardState {
  readonly version: string;
  readonly node: string;
  readonly upSeconds: number;
  readonly points: readonly Point[];
  readonly inFlight: number;
  /** One of so many requests on the walk is followed in full, at present; stages and statements are estimates where that is not all. */
  readonly stride: number;
  readonly stages: readonly StageTime[];
  readonly routes: readonly RouteCost[];
  readonly slowest: readonly ToldRequest[];
  readonly failed: readonly ToldRequest[];
  readonly statements: readonly StatementCost[];
  readonly gauges: readonly Gauge[];
  readonly advice: readonly Advice[];
}

/** A route and what it has cost since the start. */
export interface RouteCost {
  readonly method: string;
  readonly endpoint: string;
  readonly requests: number;
  readonly failed: number;
  readonly refused: number;
  readonly ms: number;
  readonly p50: number | null;
  readonly p99: number | null;
}

/** A value of a metric. */
export interface Gauge {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface DashboardParts {
  readonly metrics: Metrics;
  readonly http: HttpMetrics;
  readonly tables: TraceTables;
  readonly stride: () => number;
  readonly explain: Explain;
  readonly cache: () => CacheCounts | undefined;
  readonly advice: () => readonly Advice[];
}

/** The dashboard's side in the server. */
export interface Dashboard {
  state(): DashboardState;
  /** A stream of server-sent events, the state each second; undefined when too many look on. */
  events(): Readable | undefined;
  /** How a statement that is told of would be carried out; undefined: nobody can say, or enough are being asked for already. */
  plan(id: string): Promise<StatementPlan | undefined>;
  close(): void;
}

/** Each watcher costs some 50 kB a second. */
const MAX_WATCHERS = 8;
/** A page that takes nothing for so many states is gone. */
const MAX_BEHIND_BYTES = 4 * 1024 * 1024;
/** Each takes a connection of the pool. */
const MAX_PLANNING = 2;
const TOLD_ROUTES = 200;
/** What is told of the parts. Not those that start anew whenever they are read. */
const TOLD_METRICS =
  /^(?:hotpath_(?:pool|primary|replica|reads_routed|server_role|changes|batch|upstream|cache|memo)|limit_|overload_|auth_|api_connections)/;

export function createDashboard({ metrics, http, tables, stride, explain, cache, advice }: DashboardParts): Dashboard {
  const history = new History(http, cache);
  const watchers = new Set<Readable>();
  let planning = 0;

  const state = (points: readonly Point[]): DashboardState => ({
    version: VERSION,
    node: process.versions.node,
    upSeconds: Math.round(performance.now() / 1000),
    points,
    inFlight: http.inFlight,
    stride: stride(),
    stages: tables.stages,
    routes: costOfRoutes(http),
    slowest: tables.slowest,
    failed: tables.failed,
    statements: tables.statements,
    gauges: readGauges(metrics),
    advice: advice(),
  });

  history.start(() => {
    if (watchers.size === 0) return;
    const event = toEvent(state(history.points.slice(-1)));
    for (const watcher of watchers) {
      if (watcher.readableLength > MAX_BEHIND_BYTES) watcher.destroy();
      else watcher.push(event);
    }
  });

  return {
    state: () => state(history.points),
    events() {
      if (watchers.size >= MAX_WATCHERS) return undefined;
      const stream = new Readable({ read() {} });
      watchers.add(stream);
      stream.once("close", () => watchers.delete(stream));
      stream.push(toEvent(state(history.points)));
      return stream;
    },
    async plan(id) {
      const text = tables.textOf(id);
      if (text === undefined || planning >= MAX_PLANNING) return undefined;
      planning++;
      try {
        return await explain(text);
      } finally {
        planning--;
      }
    },
    close() {
      history.stop();
      for (const watcher of watchers) watcher.push(null);
    },
  };
}

function toEvent(state: DashboardState): string {
  return `data: ${JSON.stringify(state)}\n\n`;
}

function costOfRoutes(http: HttpMetrics): RouteCost[] {
  const byRoute = new Map<string, { cost: Omit<RouteCost, "p50" | "p99">; durations: HistogramSeries }>();
  for (const { method, endpoint, status, durations } of http.routes()) {
    const key = `${method} ${endpoint}`;
    const sum = byRoute.get(key) ?? {
      cost: { method, endpoint, requests: 0, failed: 0, refused: 0, ms: 0 },
      durations: durations.emptied(),
    };
    sum.durations.merge(durations);
    const { count } = durations;
    sum.cost = {
      ...sum.cost,
      requests: sum.cost.requests + count,
      failed: sum.cost.failed + (status.startsWith("5") ? count : 0),
      refused: sum.cost.refused + (status.startsWith("4") ? count : 0),
      ms: sum.cost.ms + durations.sum * 1000,
    };
    byRoute.set(key, sum);
  }
  return [...byRoute.values()]
    .map(({ cost, durations: { counts } }) => ({
      ...cost,
      p50: percentileMs(counts, 0.5),
      p99: percentileMs(counts, 0.99),
    }))
    .sort((one, other) => other.ms - one.ms)
    .slice(0, TOLD_ROUTES);
}

function readGauges(metrics: Metrics): Gauge[] {
  return metrics.read(TOLD_METRICS).flatMap((family) => {
    if (family.type === "histogram") return [];
    const { name, labels: names = [] } = family.declaration;
    return family.samples.map(({ labels, value }) => ({
      name,
      labels: Object.fromEntries(names.map((label, at) => [label, labels[at] ?? ""])),
      value,
    }));
  });
}
