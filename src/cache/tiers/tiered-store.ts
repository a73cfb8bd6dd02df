import type { MemoryStore } from "../memory/index.ts";
import { createPurgeLog } from "../purge-log.ts";
import type { RemoteCache } from "../remote.ts";
import type { CacheStore, PurgeSelector, StoredReplies, StoredReply, StoreStats } from "../store.ts";
import type { BreakerState } from "./breaker.ts";
import { createGuard, type GuardOptions } from "./guard.ts";
import { createPendingPurges } from "./pending-purges.ts";
import { createWriteQueue } from "./write-queue.ts";

/** How tiers are joined. */
export interface TieredStoreOptions extends GuardOptions {
  readonly memory: MemoryStore;
  readonly remote: RemoteCache;
  /** Content that may wait to be written to the remote tier; what does not fit is not written. */
  readonly maxQueuedBytes?: number;
  /** How old a copy may get here before the remote tier is asked again, where nobody tells about other nodes' purges. */
  readonly recheckMs?: number;
}

/** Memory over a remote cache. */
export interface TieredStore extends CacheStore {
  put(key: string, reply: StoredReply): void;
  purge(selector: PurgeSelector): Promise<number>;
  /** Resolves once what was put under the key has reached the remote tier or was given up. */
  settled(key: string): Promise<void>;
  /** Who is told what other nodes removed or replaced, once it is gone here. At most one listener. */
  listen(listener: (removed: PurgeSelector) => void): void;
  /** Whether the remote tier is in use. */
  isRemoteAvailable(): boolean;
  /** Whether no purge that failed has still to be made good for. */
  arePurgesSettled(): boolean;
  remoteStats(): RemoteStats;
}

/** What became of the calls to the remote tier. */
export interface RemoteStats {
  readonly name: string;
  readonly state: BreakerState;
  readonly hits: number;
  readonly misses: number;
  readonly softTimeouts: number;
  readonly failures: number;
  /** Calls not made because the breaker was open. */
  readonly refusals: number;
  readonly opened: number;
  readonly written: number;
  readonly dropped: number;
  readonly queuedBytes: number;
  readonly pendingPurges: number;
}

/**
 * A store in this process over one across the network.
 *
 * - A hit in memory costs nothing else. A miss asks the remote tier once, however many ask, and keeps what it answers.
 * - A remote tier that is slow or gone is a miss: after the soft timeout at the latest, at once while the breaker is open.
 * - Writes go behind. A purge is in force here at once and is tried at the remote tier until it succeeds.
 * - What was purged while it was being read, fetched or written is not kept.
 * - When other nodes' messages may have been missed, everything in memory goes.
 */
export function createTieredStore(options: TieredStoreOptions): TieredStore {
  const { memory, remote, recheckMs = DEFAULT_RECHECK_MS } = options;
  const guard = createGuard(options);
  const { maxQueuedBytes } = options;
  const writes = createWriteQueue({
    write: (key, reply) => guard.write(() => remote.write(key, reply)),
    ...(maxQueuedBytes === undefined ? {} : { maxBytes: maxQueuedBytes }),
  });
  const reads = new Map<string, Promise<Answer>>();
  const pending = createPendingPurges();
  /** Purges by when they happened, to be held against when a reply was asked for. */
  const purges = createPurgeLog();
  /** The same by their order, to be held against when a read began: milliseconds are too coarse for that. */
  const order = createPurgeLog();
  const checkedAt = new WeakMap<StoredReplies, number>();
  let turn = 0;
  let restoredAtMs = 0;
  let remoteHits = 0;
  let remoteMisses = 0;
  let retry: NodeJS.Timeout | undefined;
  let retried = 0;
  let isClosed = false;

  let told: ((removed: PurgeSelector) => void) | undefined;

  remote.listen({
    purged(selector) {
      forget(selector);
      told?.(selector);
    },
    replaced: (key) => drop({ kind: "key", key }),
    lost: () => drop({ kind: "all" }),
    restored() {
      restoredAtMs = Date.now();
      turn++;
      order.record({ kind: "all" }, turn);
      drop({ kind: "all" });
    },
  });

  /** Takes doubtful copies away. */
  function drop(selector: PurgeSelector): void {
    memory.drop(selector);
    told?.(selector);
  }

  /** Puts a purge in force here; answers how many keys went. */
  function forget(selector: PurgeSelector): number {
    turn++;
    order.record(selector, turn);
    purges.record(selector, Date.now());
    writes.drop(selector);
    return memory.purge(selector);
  }

  function ask(key: string): Promise<Answer> {
    const already = reads.get(key);
    if (already !== undefined) return already;
    const startedAt = turn;
    const read = askOnce(key, (replies) => backFill(key, replies, startedAt));
    reads.set(key, read);
    return read;
  }

  async function askOnce(key: string, keep: (replies: StoredReplies) => Answer): Promise<Answer> {
    const replies = await guard.read(key, keep);
    reads.delete(key);
    const kept = replies && keep(replies);
    if (kept === undefined || kept.length === 0) remoteMisses++;
    else remoteHits++;
    return kept;
  }

  /** Keeps what the remote tier had, unless it was purged since it was asked for. */
  function backFill(key: string, replies: StoredReplies, startedAt: number): StoredReplies {
    const kept = replies.filter(
      ({ tags, requestedAtMs }) => !order.isPurged(key, tags, startedAt) && !purges.isPurged(key, tags, requestedAtMs),
    );
    for (const reply of kept.toReversed()) memory.put(key, reply);
    const stored = memory.peek(key);
    if (stored !== undefined) checkedAt.set(stored, performance.now());
    return kept;
  }

  function isChecked(replies: StoredReplies): boolean {
    const at = checkedAt.get(replies);
    if (at !== undefined) return performance.now() - at < recheckMs;
    checkedAt.set(replies, performance.now());
    return true;
  }

  /** Asks whether a copy still stands. An answer that does not come leaves it standing. */
  async function check(key: string, copy: StoredReplies): Promise<StoredReplies | undefined> {
    const found = await ask(key);
    if (found?.length === 0) memory.drop({ kind: "key", key });
    return orNothing(found ?? copy);
  }

  async function removeRemotely(selector: PurgeSelector): Promise<number> {
    const removed = await guard.remove(selector);
    if (removed !== undefined) return removed;
    postpone(selector);
    return 0;
  }

  function postpone(selector: PurgeSelector): void {
    pending.add(selector);
    retryPurges();
  }

  function retryPurges(): void {
    if (retry !== undefined || isClosed) return;
    retry = setTimeout(() => {
      retry = undefined;
      for (const selector of pending.take()) void removeAgain(selector);
    }, PURGE_RETRY_MS).unref();
  }

  async function removeAgain(selector: PurgeSelector): Promise<void> {
    retried++;
    await removeRemotely(selector);
    retried--;
  }

  return {
    get(key) {
      const copy = memory.get(key);
      if (copy !== undefined) {
        if (remote.isCoherent || isChecked(copy) || guard.breaker.state() !== "closed") return copy;
        return check(key, copy);
      }
      return guard.breaker.state() === "open" && !guard.breaker.isDue() ? undefined : ask(key).then(orNothing);
    },
    put(key, reply) {
      if (purges.isPurged(key, reply.tags, reply.requestedAtMs)) return;
      // Asked for while messages may have been missed: the remote tier knows whether it was purged, memory does not.
      if (reply.requestedAtMs >= restoredAtMs || !remote.isCoherent) memory.put(key, reply);
      writes.add(key, reply);
    },
    list: (most, isWanted) => memory.list?.(most, isWanted) ?? [],
    async purge(selector) {
      const here = forget(selector);
      if (guard.breaker.state() !== "closed") {
        // It would only be waited for; it is tried behind the caller's back instead.
        postpone(selector);
        return here;
      }
      // Where a write takes several steps, one under way could end after the purge.
      if (!remote.isCoherent) await writes.drained();
      return Math.max(here, await removeRemotely(selector));
    },
    stats: (): StoreStats => memory.stats(),
    settled: (key) => writes.settled(key),
    listen(listener) {
      told = listener;
    },
    isRemoteAvailable: () => guard.breaker.state() === "closed",
    arePurgesSettled: () => pending.size === 0 && retried === 0,
    remoteStats: () => ({
      name: remote.name,
      state: guard.breaker.state(),
      hits: remoteHits,
      misses: remoteMisses,
      ...guard.counts,
      opened: guard.breaker.opened,
      written: writes.counts.written,
      dropped: writes.counts.dropped + writes.counts.failed,
      queuedBytes: writes.bytes,
      pendingPurges: pending.size,
    }),
    async close() {
      isClosed = true;
      clearTimeout(retry);
      // Each write has its hard timeout, so this ends.
      await writes.drained();
      await remote.close();
      await memory.close();
    },
  };
}

/** An empty list: nothing is stored. `undefined`: no answer. */
type Answer = StoredReplies | undefined;

function orNothing(answer: Answer): StoredReplies | undefined {
  return answer?.length === 0 ? undefined : answer;
}

const DEFAULT_RECHECK_MS = 1000;
const PURGE_RETRY_MS = 250;
