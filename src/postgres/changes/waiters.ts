/** Those who wait until all that was committed before they asked is purged. */
export class Waiters {
  readonly #waiting = new Set<Waiter>();

  get size(): number {
    return this.#waiting.size;
  }

  /** Resolves with whether it came within the time. */
  wait(limitMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const waiting = this.#waiting;
      const waiter: Waiter = { sinceMs: performance.now(), settle };
      const timer = setTimeout(settle, limitMs, false);
      waiting.add(waiter);
      function settle(isDone: boolean): void {
        clearTimeout(timer);
        waiting.delete(waiter);
        resolve(isDone);
      }
    });
  }

  /** All is purged that was committed before this moment, by `performance.now()`. */
  reached(atMs: number): void {
    for (const waiter of this.#waiting) if (waiter.sinceMs <= atMs) waiter.settle(true);
  }
}

interface Waiter {
  readonly sinceMs: number;
  readonly settle: (isDone: boolean) => void;
}
