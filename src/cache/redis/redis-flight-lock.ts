import { randomUUID } from "node:crypto";
import type { Flight, FlightLock, FlightOptions } from "../flight-lock.ts";
import { withTimeout } from "../tiers/timeout.ts";
import type { RedisLink } from "./link.ts";
import { formatMessage } from "./messages.ts";
import { ACQUIRE, RELEASE } from "./scripts.ts";

export interface RedisFlightLockOptions {
  readonly link: RedisLink;
  /** Whether Redis may be asked now. */
  readonly isAvailable: () => boolean;
  /** For one answer of Redis. */
  readonly timeoutMs: number;
  /** Resolves once what was put under the key is in Redis: whoever waits looks there next. */
  readonly settled: (key: string) => Promise<void>;
}

/** Locks in Redis: taken with a token and a limit, given back with a message to whoever waits. */
export function createRedisFlightLock({ link, isAvailable, timeoutMs, settled }: RedisFlightLockOptions): FlightLock {
  const waiting = new Map<string, Set<(isDone: boolean) => void>>();
  link.listen({
    message(message) {
      if (message.kind === "released") tell(message.key, true);
    },
    lost() {
      // No message will come: try for the lock again, which finds Redis gone or the lock free.
      for (const key of waiting.keys()) tell(key, false);
    },
  });

  function tell(key: string, isDone: boolean): void {
    const all = waiting.get(key);
    waiting.delete(key);
    for (const each of all ?? []) each(isDone);
  }

  /** Resolves with `true` when the key is released, `false` when it is time to try again. */
  function waitFor(
    key: string,
    signal: AbortSignal | undefined,
  ): { result: Promise<boolean>; limit(ms: number): void } {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    let timer: NodeJS.Timeout | undefined;
    const waiters = waiting.get(key) ?? new Set();
    const give = (isDone: boolean): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", leave);
      waiters.delete(give);
      if (waiters.size === 0 && waiting.get(key) === waiters) waiting.delete(key);
      resolve(isDone);
    };
    const leave = (): void => give(false);
    waiting.set(key, waiters.add(give));
    signal?.addEventListener("abort", leave, { once: true });
    return {
      result: promise,
      limit(ms) {
        timer = setTimeout(leave, ms);
      },
    };
  }

  async function acquire(key: string, { ttlMs, waitMs, missedForMs = 0, signal }: FlightOptions): Promise<Flight> {
    const token = randomUUID();
    const names = [link.keys.flight(key), link.keys.flightWait(key)];
    const endsAt = performance.now() + waitMs;
    // The first try asks whether the key was fetched while the caller was on the way here; later tries waited themselves.
    let sinceMs = missedForMs > 0 ? Math.ceil(missedForMs + timeoutMs) : 0;
    for (;;) {
      if (!isAvailable() || signal?.aborted) return UNAVAILABLE;
      // Listens before it asks, so that a release in between is not missed.
      const wait = waitFor(key, signal);
      const words = [token, String(Math.ceil(ttlMs)), String(sinceMs)];
      const takenForMs = await withTimeout(link.run(ACQUIRE, names, words), timeoutMs).then(Number, () => undefined);
      const leftMs = endsAt - performance.now();
      wait.limit(Math.max(0, Math.min(leftMs, (takenForMs ?? -1) + 1)));
      if (takenForMs === undefined) {
        // It may have been taken all the same, with nobody to give it back.
        void link.run(RELEASE, names, releaseWords(key, token)).catch(() => undefined);
        return UNAVAILABLE;
      }
      if (takenForMs === 0) return { state: "held", release: () => release(key, names, token) };
      if (takenForMs < 0 || (await wait.result)) return DONE;
      sinceMs = 0;
      if (performance.now() >= endsAt) return UNAVAILABLE;
    }
  }

  async function release(key: string, names: readonly string[], token: string): Promise<void> {
    try {
      await settled(key);
      await withTimeout(link.run(RELEASE, names, releaseWords(key, token)), timeoutMs);
    } catch {
      // It falls by itself when its time is over.
    }
  }

  function releaseWords(key: string, token: string): string[] {
    return [token, link.keys.channel, formatMessage(link.id, "released", [key])];
  }

  return { acquire };
}

const UNAVAILABLE: Flight = { state: "unavailable" };
const DONE: Flight = { state: "done" };
