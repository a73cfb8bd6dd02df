import type { Counter, Histogram, LabelledValue, MetricDeclaration, MetricsRegistry } from "../api/source.ts";

type Read = () => number | readonly LabelledValue[];

/** Label that tells the sources of one server apart: where each is mounted. */
const MOUNT = "mount";

/**
 * Lends each source a registry of its own. Several sources may declare metrics of one name (two databases do): these
 * are one metric with a label more. A server of one source keeps the plain names.
 */
export function createSourceMetrics(metrics: MetricsRegistry, mounts: number): (path: string) => MetricsRegistry {
  if (mounts <= 1) return () => metrics;
  const counters = new Map<string, Counter>();
  const histograms = new Map<string, Histogram>();
  const gauges = new Map<string, { readonly path: string; readonly read: Read }[]>();
  return (path) => ({
    counter(declaration) {
      const shared = known(counters, declaration.name, () => metrics.counter(labelled(declaration)));
      return { with: (...labels) => shared.with(path, ...labels) };
    },
    histogram(declaration) {
      const shared = known(histograms, declaration.name, () => metrics.histogram(labelled(declaration)));
      return { with: (...labels) => shared.with(path, ...labels) };
    },
    gauge(declaration, read) {
      const reads = known(gauges, declaration.name, () => {
        const list: { path: string; read: Read }[] = [];
        metrics.gauge(labelled(declaration), () => list.flatMap((each) => valuesOf(each.path, each.read())));
        return list;
      });
      reads.push({ path, read });
    },
  });
}

function known<T>(map: Map<string, T>, name: string, declare: () => T): T {
  const found = map.get(name);
  if (found !== undefined) return found;
  const made = declare();
  map.set(name, made);
  return made;
}

function labelled<D extends MetricDeclaration>(declaration: D): D {
  return { ...declaration, labels: [MOUNT, ...(declaration.labels ?? [])] };
}

function valuesOf(path: string, value: number | readonly LabelledValue[]): readonly LabelledValue[] {
  if (typeof value === "number") return [{ labels: [path], value }];
  return value.map((each) => ({ ...each, labels: [path, ...each.labels] }));
}
