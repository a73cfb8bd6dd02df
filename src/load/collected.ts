import { Histogram } from "./histogram.ts";
import type { CheckCount, Progress, Tick } from "./messages.ts";
import type { NamedRequests } from "./recorder.ts";
import type { NamedResult } from "./result.ts";
import { createSeries, type Point, type Series } from "./series.ts";
import { addSample, type Total } from "./totals.ts";

/** What all processes of a run have counted. Its size depends on neither the length nor the rate of a run. */
export interface Collected {
  readonly totals: ReadonlyMap<string, Total>;
  readonly series: Series;
  gauge(name: string, value: number): void;
  add(worker: number, tick: Tick): void;
  /** As it stands now. */
  live(): {
    readonly progress: readonly Progress[];
    readonly point: Point | undefined;
    readonly totals: ReadonlyMap<string, Total>;
  };
  checks(): CheckCount[];
  requests(): NamedResult[];
}

export function createCollected(): Collected {
  const totals = new Map<string, Total>();
  const series = createSeries();
  const named = new Map<string, Named>();
  const checks = new Map<string, { -readonly [Key in keyof CheckCount]: CheckCount[Key] }>();
  const progress: (readonly Progress[])[] = [];
  const gauge = (name: string, value: number): void =>
    addSample(totals, {
      name,
      isTime: false,
      counted: { kind: "gauge", value, min: value, max: value, at: performance.now() },
    });
  return {
    totals,
    series,
    gauge,
    add(worker: number, tick: Tick): void {
      for (const sample of tick.samples) addSample(totals, sample);
      series.add(tick, worker);
      progress[worker] = tick.progress;
      const vus = progress.flat().reduce((sum, one) => sum + one.vus, 0);
      if (!tick.isLast || !totals.has("vus")) gauge("vus", vus);
      for (const request of tick.named) addNamed(named, request);
      for (const check of tick.checks) {
        const key = `${check.group}::${check.name}`;
        const known = checks.get(key);
        if (known === undefined) checks.set(key, { ...check });
        else {
          known.passes += check.passes;
          known.fails += check.fails;
        }
      }
    },
    live() {
      const sums = new Map<string, { scenario: string; vus: number; iterations: number }>();
      for (const { scenario, vus, iterations } of progress.flat()) {
        const sum = sums.get(scenario) ?? { scenario, vus: 0, iterations: 0 };
        sum.vus += vus;
        sum.iterations += iterations;
        sums.set(scenario, sum);
      }
      return { progress: [...sums.values()], point: series.points().at(-1), totals };
    },
    checks: () => [...checks.values()],
    requests: (): NamedResult[] => [...named.values()].map(toNamedResult).sort((a, b) => b.count - a.count),
  };
}

interface Named {
  readonly method: string;
  readonly name: string;
  failures: number;
  readonly statuses: Record<string, number>;
  readonly errors: Record<string, number>;
  readonly histogram: Histogram;
}

function addNamed(named: Map<string, Named>, request: NamedRequests): void {
  const { method, name } = request;
  const key = `${method} ${name}`;
  let known = named.get(key);
  if (known === undefined) {
    known = { method, name, failures: 0, statuses: {}, errors: {}, histogram: new Histogram() };
    named.set(key, known);
  }
  known.failures += request.failures;
  for (const [into, from] of [
    [known.statuses, request.statuses],
    [known.errors, request.errors],
  ] as const) {
    for (const [word, count] of Object.entries(from)) into[word] = (into[word] ?? 0) + count;
  }
  known.histogram.add(request.histogram);
}

function toNamedResult({ method, name, failures, statuses, errors, histogram }: Named): NamedResult {
  return {
    method,
    name,
    count: histogram.count,
    failures,
    statuses,
    errors,
    avg: histogram.mean,
    p50: histogram.quantile(0.5),
    p95: histogram.quantile(0.95),
    p99: histogram.quantile(0.99),
    max: histogram.count === 0 ? 0 : histogram.max,
  };
}
