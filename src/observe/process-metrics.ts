import { readdirSync } from "node:fs";
import { constants, monitorEventLoopDelay, performance, PerformanceObserver } from "node:perf_hooks";
import type { LabelledValue } from "../api/source.ts";
import type { Metrics } from "./metrics.ts";

/** What process metrics keep running between scrapes. */
export interface ProcessMetrics {
  /** Stops the timers and observers behind the metrics. */
  stop(): void;
}

/** Declares metrics of the process: CPU, memory, event loop, garbage collection, open files, version. */
export function createProcessMetrics(metrics: Metrics, version: string): ProcessMetrics {
  declareProcess(metrics, version);
  const stopLag = declareEventLoop(metrics);
  const stopCollections = declareGarbageCollection(metrics);
  return {
    stop() {
      stopLag();
      stopCollections();
    },
  };
}

function declareProcess(metrics: Metrics, version: string): void {
  metrics.observedCounter(
    { name: "process_cpu_seconds_total", help: "User and system CPU time of the process." },
    () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / MICROSECONDS;
    },
  );
  const startSeconds = Math.round(performance.timeOrigin) / MILLISECONDS;
  metrics.gauge(
    { name: "process_start_time_seconds", help: "When the process started, in Unix time." },
    () => startSeconds,
  );
  metrics.gauge({ name: "process_resident_memory_bytes", help: "Resident memory of the process." }, () =>
    process.memoryUsage.rss(),
  );
  metrics.gauge({ name: "nodejs_heap_bytes", help: "JavaScript memory, by kind.", labels: ["kind"] }, () => {
    const { heapTotal, heapUsed, external, arrayBuffers } = process.memoryUsage();
    return toLabelled({ total: heapTotal, used: heapUsed, external, array_buffers: arrayBuffers });
  });
  metrics.gauge({ name: "process_open_fds", help: "Open file descriptors; none where the system does not tell." }, () =>
    countOpenFiles(),
  );
  metrics.gauge(
    { name: "hotpath_info", help: "Always 1; the labels tell versions.", labels: ["version", "node_version"] },
    () => [{ labels: [version, process.versions.node], value: 1 }],
  );
}

function declareEventLoop(metrics: Metrics): () => void {
  const delay = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  delay.enable();
  metrics.gauge(
    {
      name: "nodejs_eventloop_lag_seconds",
      help: "How late the event loop ran its timers since the last scrape.",
      labels: ["percentile"],
    },
    () => {
      const isEmpty = delay.count === 0;
      const values = isEmpty ? [0, 0, 0] : [toLag(delay.percentile(50)), toLag(delay.percentile(99)), toLag(delay.max)];
      delay.reset();
      return ["50", "99", "100"].map((percentile, at) => ({ labels: [percentile], value: values[at] ?? 0 }));
    },
  );
  let last = performance.eventLoopUtilization();
  metrics.gauge(
    { name: "nodejs_eventloop_utilization", help: "Share of time the event loop was busy since the last scrape." },
    () => {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, last);
      last = now;
      return Number.isNaN(utilization) ? 0 : utilization;
    },
  );
  return () => delay.disable();
}

/** The histogram holds the time between two timers, which includes the time they were set for. */
function toLag(nanoseconds: number): number {
  return Math.max(0, nanoseconds / NANOSECONDS - LAG_RESOLUTION_MS / MILLISECONDS);
}

function declareGarbageCollection(metrics: Metrics): () => void {
  const pauses = metrics.histogram({
    name: "nodejs_gc_duration_seconds",
    help: "Pauses for garbage collection, by kind.",
    labels: ["kind"],
    buckets: [0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5],
  });
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { detail } = entry as { detail?: { kind?: number } };
      pauses.with(KINDS.get(detail?.kind ?? 0) ?? "other").observe(entry.duration / MILLISECONDS);
    }
  });
  observer.observe({ entryTypes: ["gc"] });
  return () => observer.disconnect();
}

const KINDS = new Map<number, string>([
  [constants.NODE_PERFORMANCE_GC_MINOR, "minor"],
  [constants.NODE_PERFORMANCE_GC_MAJOR, "major"],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, "incremental"],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, "weak_callbacks"],
]);
const LAG_RESOLUTION_MS = 10;
const MILLISECONDS = 1000;
const MICROSECONDS = 1_000_000;
const NANOSECONDS = 1_000_000_000;

function toLabelled(values: Readonly<Record<string, number>>): LabelledValue[] {
  return Object.entries(values).map(([label, value]) => ({ labels: [label], value }));
}

function countOpenFiles(): number | readonly LabelledValue[] {
  try {
    // One of them is the directory being read.
    return readdirSync("/proc/self/fd").length - 1;
  } catch {
    return [];
  }
}
