import { Histogram, type PackedHistogram } from "./histogram.ts";

export type MetricKind = "counter" | "gauge" | "rate" | "trend";

/** Names and values that a sample is marked with. */
export type Tags = Readonly<Record<string, string>>;

/** Tags that are only made when a threshold asks for them: most samples are never looked at by tag. */
export interface TagLookup {
  of(name: string): string | undefined;
}

/** What a metric has counted since it was last taken, small enough to be sent every second. */
export type Encoded =
  | { readonly kind: "counter"; readonly count: number; readonly sum: number }
  | { readonly kind: "gauge"; readonly value: number; readonly min: number; readonly max: number; readonly at: number }
  | { readonly kind: "rate"; readonly passes: number; readonly total: number }
  | { readonly kind: "trend"; readonly histogram: PackedHistogram };

/** Where values of a metric, or of the part of it with certain tags, are counted. */
interface Sink {
  add(value: number): void;
  /** What was counted since the last time; undefined: nothing. */
  take(): Encoded | undefined;
}

/** A metric of this process. Parts of it with certain tags are counted besides, when thresholds ask for them. */
export interface Metric {
  readonly name: string;
  readonly kind: MetricKind;
  /** Values are milliseconds. */
  readonly isTime: boolean;
  add(value: number, tags: Tags): void;
  /** The same with tags that are looked up. */
  addBy(value: number, tags: TagLookup): void;
}

/** A part of a metric as thresholds name it: `http_req_duration{status:200}`. */
export interface PartName {
  readonly metric: string;
  readonly tags: readonly (readonly [name: string, value: string])[];
  /** As it was written. */
  readonly name: string;
}

export interface Sample {
  readonly name: string;
  readonly isTime: boolean;
  readonly counted: Encoded;
}

/** All metrics of one process. */
export interface Metrics {
  /** The metric of that name, made at first use; undefined: it exists and is of another kind. */
  define(name: string, kind: MetricKind, isTime: boolean): Metric | undefined;
  /** Counts a part besides. */
  watch(part: PartName): void;
  take(): Sample[];
}

/** Made-up names would fill the memory. */
const MAX_METRICS = 1000;

export function createMetrics(): Metrics {
  const metrics = new Map<string, MetricOf>();
  const parts = new Map<string, PartName[]>();
  return {
    define(name, kind, isTime) {
      const known = metrics.get(name);
      if (known !== undefined) return known.kind === kind ? known : undefined;
      if (metrics.size >= MAX_METRICS) throw new RangeError(`there are more than ${MAX_METRICS} metrics`);
      const made = new MetricOf(name, kind, isTime);
      for (const part of parts.get(name) ?? []) made.watch(part);
      metrics.set(name, made);
      return made;
    },
    watch(part) {
      parts.set(part.metric, [...(parts.get(part.metric) ?? []), part]);
      metrics.get(part.metric)?.watch(part);
    },
    take: () => [...metrics.values()].flatMap((metric) => metric.take()),
  };
}

class MetricOf implements Metric {
  readonly name: string;
  readonly kind: MetricKind;
  readonly isTime: boolean;
  readonly #all: Sink;
  readonly #parts: { readonly name: string; readonly tags: PartName["tags"]; readonly sink: Sink }[] = [];

  constructor(name: string, kind: MetricKind, isTime: boolean) {
    this.name = name;
    this.kind = kind;
    this.isTime = isTime;
    this.#all = createSink(kind);
  }

  watch({ name, tags }: PartName): void {
    this.#parts.push({ name, tags, sink: createSink(this.kind) });
  }

  add(value: number, tags: Tags): void {
    this.#all.add(value);
    for (const part of this.#parts)
      if (part.tags.every(([name, wanted]) => tags[name] === wanted)) part.sink.add(value);
  }

  addBy(value: number, tags: TagLookup): void {
    this.#all.add(value);
    for (const part of this.#parts) if (isOf(part.tags, tags)) part.sink.add(value);
  }

  take(): Sample[] {
    const samples: Sample[] = [];
    for (const { name, sink } of [{ name: this.name, sink: this.#all }, ...this.#parts]) {
      const counted = sink.take();
      if (counted !== undefined) samples.push({ name, isTime: this.isTime, counted });
    }
    return samples;
  }
}

function isOf(wanted: PartName["tags"], tags: TagLookup): boolean {
  for (const [name, value] of wanted) if (tags.of(name) !== value) return false;
  return true;
}

function createSink(kind: MetricKind): Sink {
  switch (kind) {
    case "counter":
      return counterSink();
    case "gauge":
      return gaugeSink();
    case "rate":
      return rateSink();
    default:
      return trendSink();
  }
}

function counterSink(): Sink {
  let sum = 0;
  let count = 0;
  return {
    add(value) {
      sum += value;
      count++;
    },
    take() {
      if (count === 0) return undefined;
      const counted: Encoded = { kind: "counter", count, sum };
      sum = 0;
      count = 0;
      return counted;
    },
  };
}

function gaugeSink(): Sink {
  let value = 0;
  let min = Infinity;
  let max = -Infinity;
  let at = 0;
  return {
    add(now) {
      value = now;
      if (now < min) min = now;
      if (now > max) max = now;
      at = performance.timeOrigin + performance.now();
    },
    take() {
      if (at === 0) return undefined;
      const counted: Encoded = { kind: "gauge", value, min, max, at };
      at = 0;
      return counted;
    },
  };
}

function rateSink(): Sink {
  let passes = 0;
  let total = 0;
  return {
    add(value) {
      if (value !== 0) passes++;
      total++;
    },
    take() {
      if (total === 0) return undefined;
      const counted: Encoded = { kind: "rate", passes, total };
      passes = 0;
      total = 0;
      return counted;
    },
  };
}

function trendSink(): Sink {
  const histogram = new Histogram();
  return {
    add: (value) => histogram.record(value),
    take() {
      if (histogram.count === 0) return undefined;
      const packed = histogram.pack();
      histogram.reset();
      return { kind: "trend", histogram: packed };
    },
  };
}
