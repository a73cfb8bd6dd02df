import type { RemoteCache } from "../remote.ts";
import type { PurgeSelector, StoredReplies } from "../store.ts";
import { type Breaker, type BreakerOptions, createBreaker } from "./breaker.ts";
import { withTimeout } from "./timeout.ts";

/** How long to wait for the remote tier. */
export interface GuardOptions {
  readonly remote: RemoteCache;
  /** A read that takes longer is answered as a miss; what arrives later is still kept. */
  readonly softTimeoutMs?: number;
  /** What takes longer is given up. */
  readonly hardTimeoutMs?: number;
  readonly breaker?: BreakerOptions;
}

/** A remote cache behind a breaker and two timeouts: nothing here rejects. */
export interface Guard {
  /** Whether a read would be sent now. */
  readonly breaker: Breaker;
  /**
   * What is stored, an empty list when nothing is, `undefined` when the answer did not come in time. `late` is told what
   * came after the soft timeout.
   */
  read(key: string, late: (replies: StoredReplies) => void): Promise<StoredReplies | undefined>;
  /** Whether it was done. */
  write(run: () => Promise<void>): Promise<boolean>;
  /** Resolves with how many keys went, `undefined` when it failed. Not kept back by an open breaker. */
  remove(selector: PurgeSelector): Promise<number | undefined>;
  readonly counts: { softTimeouts: number; failures: number; refusals: number };
}

/** Puts a guard in front of a remote cache. */
export function createGuard(options: GuardOptions): Guard {
  const { remote, softTimeoutMs = DEFAULT_SOFT_TIMEOUT_MS, hardTimeoutMs = DEFAULT_HARD_TIMEOUT_MS } = options;
  const breaker = createBreaker(options.breaker);
  const counts = { softTimeouts: 0, failures: 0, refusals: 0 };

  function fail(): void {
    counts.failures++;
    breaker.fail();
  }

  return {
    breaker,
    counts,
    async read(key, late) {
      if (!breaker.allows()) {
        counts.refusals++;
        return undefined;
      }
      return new Promise((resolve) => {
        let isLate = false;
        const soft = setTimeout(() => {
          isLate = true;
          counts.softTimeouts++;
          // Slowness counts as failure at once: behind this read others wait just as long.
          breaker.fail();
          resolve(undefined);
        }, softTimeoutMs);
        withTimeout(remote.read(key), hardTimeoutMs).then(
          (replies) => {
            clearTimeout(soft);
            if (!isLate) breaker.succeed();
            else if (replies !== undefined) late(replies);
            resolve(replies ?? []);
            return replies;
          },
          () => {
            clearTimeout(soft);
            if (!isLate) fail();
            resolve(undefined);
          },
        );
      });
    },
    async write(run) {
      if (!breaker.allows()) {
        counts.refusals++;
        return false;
      }
      try {
        await withTimeout(run(), hardTimeoutMs);
        breaker.succeed();
        return true;
      } catch {
        fail();
        return false;
      }
    },
    async remove(selector) {
      try {
        const removed = await withTimeout(remote.remove(selector), hardTimeoutMs);
        return removed;
      } catch {
        fail();
        return undefined;
      }
    },
  };
}

/** Two network round trips and a little: a source is rarely faster than waiting that long. */
const DEFAULT_SOFT_TIMEOUT_MS = 50;
const DEFAULT_HARD_TIMEOUT_MS = 1000;
