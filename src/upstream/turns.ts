import { HotpathError } from "../errors.ts";

/** Lets requests wait, in order and for a bounded time, until there is room for them. */
export interface Turns<Place> {
  /** A place at once where there is one, else when one becomes free. Throws or rejects with HP_UPSTREAM_OVERLOADED. */
  take(find: () => Place | undefined, signalOf?: () => AbortSignal): Place | Promise<Place>;
  /** A place has become free. */
  next(): void;
  readonly waiting: number;
  /** Refuses all that wait. */
  close(): void;
}

/** A request that waits. */
interface Waiter<Place> {
  readonly find: () => Place | undefined;
  settle(place: Place | HotpathError): void;
}

/** Bounds how many wait, and how long. */
export function createTurns<Place extends object>(maxWaiting: number, waitMs: number): Turns<Place> {
  const waiters = new Set<Waiter<Place>>();
  return {
    get waiting() {
      return waiters.size;
    },
    take(find, signalOf) {
      // Nobody overtakes those who wait.
      const place = waiters.size === 0 ? find() : undefined;
      if (place !== undefined) return place;
      if (waiters.size >= maxWaiting) throw overloaded(waitMs);
      const signal = signalOf?.();
      return new Promise((resolve, reject) => {
        const settle = (outcome: Place | HotpathError): void => {
          clearTimeout(timer);
          signal?.removeEventListener("abort", leave);
          waiters.delete(waiter);
          if (outcome instanceof HotpathError) reject(outcome);
          else resolve(outcome);
        };
        const leave = (): void => settle(new HotpathError("HP_UNAVAILABLE", "The client left."));
        const waiter: Waiter<Place> = { find, settle };
        const timer = setTimeout(() => settle(overloaded(waitMs)), waitMs);
        signal?.addEventListener("abort", leave, { once: true });
        waiters.add(waiter);
      });
    },
    next() {
      for (const waiter of waiters) {
        const place = waiter.find();
        if (place === undefined) return;
        waiter.settle(place);
      }
    },
    close() {
      for (const waiter of waiters) waiter.settle(new HotpathError("HP_UNAVAILABLE", "The server is stopping."));
    },
  };
}

function overloaded(waitMs: number): HotpathError {
  return new HotpathError("HP_UPSTREAM_OVERLOADED", "Too many requests wait for the upstream.", {
    headers: { "retry-after": String(Math.max(1, Math.ceil(waitMs / 1000))) },
  });
}
