import type { StoredReply } from "../store.ts";

/**
 * One fetch for all who ask for the same at the same time. The others wait until it has been stored, or until it is
 * known that it will not be.
 */
export class Flights {
  readonly #flights = new Map<string, Flight>();

  get(key: string): Flight | undefined {
    return this.#flights.get(key);
  }

  /** Begins a flight. Whoever begins it must settle it. */
  begin(key: string): Flight {
    const flight = new Flight(key, this.#flights);
    this.#flights.set(key, flight);
    return flight;
  }
}

/** A fetch under way. */
export class Flight {
  readonly #key: string;
  readonly #flights: Map<string, Flight>;
  /** Made for the first who waits: mostly nobody does. */
  #waiting: Set<(reply: StoredReply | undefined) => void> | undefined;
  #isSettled = false;
  #after: (() => void) | undefined;

  constructor(key: string, flights: Map<string, Flight>) {
    this.#key = key;
    this.#flights = flights;
  }

  /** Whether somebody but the one who began it wants the reply. */
  get isAwaited(): boolean {
    return this.#waiting !== undefined && this.#waiting.size > 0;
  }

  /** Waits for the reply; `undefined` when there is none to share, or not within the time. */
  join(timeoutMs: number): Promise<StoredReply | undefined> {
    const waiting = (this.#waiting ??= new Set());
    return new Promise((resolve) => {
      const arrive = (reply: StoredReply | undefined): void => {
        clearTimeout(timer);
        waiting.delete(arrive);
        resolve(reply);
      };
      const timer = setTimeout(arrive, timeoutMs, undefined);
      waiting.add(arrive);
    });
  }

  /** Has something done once the flight has ended. */
  afterwards(after: (() => void) | undefined): void {
    this.#after = after;
  }

  /** Ends the flight; all but the first call do nothing. */
  settle(reply: StoredReply | undefined): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    if (this.#flights.get(this.#key) === this) this.#flights.delete(this.#key);
    this.#after?.();
    for (const arrive of this.#waiting ?? []) arrive(reply);
  }
}
