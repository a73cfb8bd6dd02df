/** Pauses between attempts: doubling, capped, and random so that many clients do not return at once. */
export interface Backoff {
  /** Milliseconds until the next attempt. */
  next(): number;
  reset(): void;
}

/** `first` and `most` are milliseconds; each pause is between half of its value and all of it. */
export function createBackoff(first = 50, most = 1000): Backoff {
  let pause = first;
  return {
    next() {
      const chosen = pause * (0.5 + Math.random() / 2);
      pause = Math.min(most, pause * 2);
      return chosen;
    },
    reset() {
      pause = first;
    },
  };
}
