import { Generations } from "../../cache/generations.ts";
import type { Lsn } from "./lsn.ts";

/**
 * Transactions of our own whose commit the server has confirmed: everybody sees them, so what they changed can be purged as soon as it
 * arrives. Whoever waits for that is told.
 */
export class OwnCommits {
  readonly #waiting = new Map<number, () => void>();
  /** Those that were purged last, for those who ask late. */
  readonly #purged = new Generations<Lsn, number>(MOST_PURGED);

  /** Whether somebody waits for a transaction. */
  has(xid: number): boolean {
    return this.#waiting.has(xid);
  }

  /** Where a transaction ends in the log; undefined unless it was purged a moment ago. */
  endOf(xid: number): Lsn | undefined {
    return this.#purged.get(xid);
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

  purged(xid: number, endLsn: Lsn): void {
    this.#purged.set(xid, endLsn);
    this.#waiting.get(xid)?.();
  }
}

/** Whoever asks asks within milliseconds. */
const MOST_PURGED = 2048;
