import { Generations } from "../../cache/generations.ts";

/**
 * Transactions of our own whose commit the server has confirmed: everybody sees them, so what they changed can be purged as soon as it
 * arrives. Whoever waits for that is told.
 */
export class OwnCommits {
  readonly #waiting = new Map<number, () => void>();
  /** Those that were purged last, for those who ask late. */
  readonly #purged = new Generations<true, number>(MOST_PURGED);

  /** Whether somebody waits for a transaction. */
  has(xid: number): boolean {
    return this.#waiting.has(xid);
  }

  wasPurged(xid: number): boolean {
    return this.#purged.get(xid) === true;
  }

  /** Resolves once a transaction is purged, with `false` when that has not come within the time. */
  wait(xid: number, limitMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (isDone: boolean): void => {
        clearTimeout(timer);
        this.#waiting.delete(xid);
        resolve(isDone);
      };
      const timer = setTimeout(settle, limitMs, false);
      this.#waiting.set(xid, () => settle(true));
    });
  }

  purged(xid: number): void {
    this.#purged.set(xid, true);
    this.#waiting.get(xid)?.();
  }
}

/** Whoever asks asks within milliseconds. */
const MOST_PURGED = 2048;
