/**
 * Single flight across nodes: of all that miss the same key at the same time, one fetches and the others wait for what
 * it stores. Never rejects; where the lock's home is gone everyone is allowed to fetch.
 */
export interface FlightLock {
  /**
   * Takes the lock of a key, or waits until whoever has it is done, at most `waitMs`.
   *
   * - `held`: the caller fetches, stores, and calls `release`. The lock falls after `ttlMs` in any case.
   * - `done`: another node fetched; what it stored is in the store now, if it could be stored.
   * - `unavailable`: the time is over, or the lock cannot be asked: the caller fetches without a lock.
   */
  acquire(key: string, options: FlightOptions): Promise<Flight>;
}

export interface FlightOptions {
  /** How long a fetch may take before others stop waiting for it. */
  readonly ttlMs: number;
  /** How long to wait for another's fetch. */
  readonly waitMs: number;
  /**
   * How long ago the caller began to look in the store and found nothing. When another's fetch ended since, the answer is `done`:
   * look again. Left out (for the second try), the lock is taken whenever it is free.
   */
  readonly missedForMs?: number;
  /** Ends the wait early, as `unavailable`. */
  readonly signal?: AbortSignal;
}

export type Flight =
  | { readonly state: "held"; readonly release: () => Promise<void> }
  | { readonly state: "done" }
  | { readonly state: "unavailable" };
