/** Keeps calls away from something that fails or is slow, and lets a single one through now and then to see. */
export interface Breaker {
  /** Whether a call may go out now. When it answers `true` while half-open, that call is the probe. */
  allows(): boolean;
  /** Whether `allows` would answer `true`. */
  isDue(): boolean;
  succeed(): void;
  fail(): void;
  state(): BreakerState;
  /** How often it opened. */
  readonly opened: number;
}

export type BreakerState = "closed" | "open" | "half-open";

export interface BreakerOptions {
  /** Failures in a row that open it. */
  readonly failures?: number;
  /** How long it stays open at first; each failed probe doubles it, up to `maxOpenMs`. */
  readonly openMs?: number;
  readonly maxOpenMs?: number;
  /** Monotonic milliseconds. */
  readonly clock?: () => number;
}

/**
 * A closed breaker.
 *
 * Beside failures in a row, half of the last 32 calls failing opens it: something that answers every other call in time
 * is slow all the same.
 */
export function createBreaker(options: BreakerOptions = {}): Breaker {
  const { failures = 5, openMs = 250, maxOpenMs = 5000, clock = () => performance.now() } = options;
  let inRow = 0;
  /** One bit a call, the last one lowest; 1 failed. */
  let history = 0;
  let openForMs = openMs;
  /** When the next probe may go out; `undefined`: closed. */
  let probeAt: number | undefined;
  let probeEndsAt = 0;
  let opened = 0;

  function open(): void {
    opened++;
    history = 0;
    inRow = 0;
    probeAt = clock() + openForMs;
    probeEndsAt = 0;
  }

  function isDue(): boolean {
    if (probeAt === undefined) return true;
    const now = clock();
    return now >= probeAt && now >= probeEndsAt;
  }

  return {
    get opened() {
      return opened;
    },
    isDue,
    allows() {
      if (!isDue()) return false;
      if (probeAt === undefined) return true;
      // A probe that never reports back must not keep the breaker half-open for good.
      probeEndsAt = clock() + maxOpenMs;
      return true;
    },
    succeed() {
      if (probeAt !== undefined) {
        // What was sent before it opened, and answered late, says nothing about now.
        if (probeEndsAt === 0) return;
        probeAt = undefined;
        openForMs = openMs;
      }
      inRow = 0;
      history <<= 1;
    },
    fail() {
      if (probeAt !== undefined) {
        if (probeEndsAt === 0) return;
        openForMs = Math.min(maxOpenMs, openForMs * 2);
        open();
        return;
      }
      inRow++;
      history = (history << 1) | 1;
      if (inRow >= failures || countBits(history) >= HALF_OF_HISTORY) open();
    },
    state() {
      if (probeAt === undefined) return "closed";
      return probeEndsAt > 0 ? "half-open" : "open";
    },
  };
}

const HALF_OF_HISTORY = 16;

function countBits(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++;
  return count;
}
