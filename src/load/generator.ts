import { monitorEventLoopDelay } from "node:perf_hooks";
import { Histogram } from "./histogram.ts";

/** How a load generating process was itself in the last second. */
export interface GeneratorState {
  /** Cores used, 1 being a whole one. */
  readonly cpu: number;
  /** The longest time its event loop stood still, ms. */
  readonly loopDelayMs: number;
  /** How late starts were that nothing but this process held up, ms. */
  readonly slipMs: number;
  readonly memoryBytes: number;
}

/** Watches the process that makes the load: it must not be what limits the result. */
export interface GeneratorWatch {
  /** A start was due, and nothing was in its way. */
  slipped(byMs: number): void;
  take(): GeneratorState;
  stop(): void;
}

const RESOLUTION_MS = 5;

export function watchGenerator(): GeneratorWatch {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  const slips = new Histogram();
  let usage = process.cpuUsage();
  let since = performance.now();
  return {
    slipped: (byMs) => slips.record(byMs),
    take() {
      const now = performance.now();
      const used = process.cpuUsage(usage);
      const cpu = (used.user + used.system) / 1000 / Math.max(1, now - since);
      usage = process.cpuUsage();
      since = now;
      const loopDelayMs = delay.count === 0 ? 0 : Math.max(0, delay.max / 1e6 - RESOLUTION_MS);
      delay.reset();
      const slipMs = slips.quantile(0.99);
      slips.reset();
      return { cpu, loopDelayMs, slipMs, memoryBytes: process.memoryUsage.rss() };
    },
    stop: () => void delay.disable(),
  };
}
