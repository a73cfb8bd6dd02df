import { getHeapStatistics } from "node:v8";

/** How the process fares. */
export interface Strain {
  /** How far beyond what it may be the worst of it is: 1 is just that. */
  readonly level: number;
  /** How late the event loop runs, in milliseconds: a moving mean. */
  readonly loopDelayMs: number;
  /** The fuller of heap and memory, as a share of 1. */
  readonly memoryShare: number;
  stop(): void;
}

export interface StrainOptions {
  readonly maxLoopDelayMs: number;
  /** Of the heap that V8 may have, and of the memory that the process may have where the system says how much. */
  readonly maxMemoryPercent: number;
}

/** Watches the event loop and the memory of the process. */
export function watchStrain({ maxLoopDelayMs, maxMemoryPercent }: StrainOptions): Strain {
  let expectedMs = performance.now() + INTERVAL_MS;
  let loopDelayMs = 0;
  let memoryShare = readMemoryShare();
  let looks = 0;
  const timer = setInterval(() => {
    const nowMs = performance.now();
    loopDelayMs += (Math.max(0, nowMs - expectedMs) - loopDelayMs) * WEIGHT;
    expectedMs = nowMs + INTERVAL_MS;
    if (++looks % MEMORY_EVERY === 0) memoryShare = readMemoryShare();
  }, INTERVAL_MS);
  timer.unref();
  return {
    get level() {
      return Math.max(loopDelayMs / maxLoopDelayMs, (memoryShare * 100) / maxMemoryPercent);
    },
    get loopDelayMs() {
      return loopDelayMs;
    },
    get memoryShare() {
      return memoryShare;
    },
    stop: () => clearInterval(timer),
  };
}

function readMemoryShare(): number {
  const { used_heap_size: used, heap_size_limit: most } = getHeapStatistics();
  const heap = used / most;
  // 0 or a number beyond all memory: nobody limits the process.
  const allowed = process.constrainedMemory();
  return allowed > 0 && allowed < UNLIMITED ? Math.max(heap, process.memoryUsage.rss() / allowed) : heap;
}

const INTERVAL_MS = 50;
/** Of the newest in the mean: some 200 ms tell. */
const WEIGHT = 0.3;
/** Reading memory takes microseconds and says little new within half a second. */
const MEMORY_EVERY = 10;
const UNLIMITED = 2 ** 50;
