import type { PurgeSelector, StoredReply } from "../store.ts";

/** Writes that happen behind the caller's back, in order of arrival, a bounded number of bytes at once. */
export interface WriteQueue {
  /** Takes a write on; `false` when there is no room, and it is dropped. */
  add(key: string, reply: StoredReply): boolean;
  /** Takes waiting writes back that a purge removes. */
  drop(selector: PurgeSelector): void;
  /** Resolves once what was added under the key so far is written or given up. */
  settled(key: string): Promise<void>;
  /** Resolves once everything is. */
  drained(): Promise<void>;
  readonly counts: { written: number; failed: number; dropped: number };
  readonly bytes: number;
}

export interface WriteQueueOptions {
  readonly write: (key: string, reply: StoredReply) => Promise<boolean>;
  /** Writes under way at once. */
  readonly concurrency?: number;
  /** Content waiting or under way. */
  readonly maxBytes?: number;
}

interface Waiting {
  readonly key: string;
  readonly reply: StoredReply;
  readonly done: () => void;
}

/** An empty queue. */
export function createWriteQueue(options: WriteQueueOptions): WriteQueue {
  const { write, concurrency = DEFAULT_CONCURRENCY, maxBytes = DEFAULT_MAX_BYTES } = options;
  const waiting = new Set<Waiting>();
  const pending = new Map<string, Promise<void>>();
  const counts = { written: 0, failed: 0, dropped: 0 };
  let underWay = 0;
  let bytes = 0;

  async function start(job: Waiting): Promise<void> {
    underWay++;
    const isWritten = await write(job.key, job.reply);
    if (isWritten) counts.written++;
    else counts.failed++;
    underWay--;
    finish(job);
    for (const next of waiting) {
      if (underWay >= concurrency) return;
      waiting.delete(next);
      void start(next);
    }
  }

  function finish(job: Waiting): void {
    bytes -= sizeOf(job.reply);
    job.done();
  }

  return {
    counts,
    get bytes() {
      return bytes;
    },
    add(key, reply) {
      const size = sizeOf(reply);
      if (bytes + size > maxBytes) {
        counts.dropped++;
        return false;
      }
      bytes += size;
      const { promise, resolve } = Promise.withResolvers<void>();
      const before = pending.get(key);
      const all = before === undefined ? promise : Promise.all([before, promise]).then(() => undefined);
      pending.set(key, all);
      void all.then(() => pending.get(key) === all && pending.delete(key));
      const job = { key, reply, done: resolve };
      if (underWay < concurrency) void start(job);
      else waiting.add(job);
      return true;
    },
    drop(selector) {
      for (const job of waiting) {
        if (!isSelected(selector, job)) continue;
        waiting.delete(job);
        counts.dropped++;
        finish(job);
      }
    },
    async settled(key) {
      await pending.get(key);
    },
    async drained() {
      await Promise.all(pending.values());
    },
  };
}

const DEFAULT_CONCURRENCY = 64;
/** 16 MiB: what a second of slowness may hold back. */
const DEFAULT_MAX_BYTES = 16 * 1024 ** 2;
const JOB_BYTES = 1024;

function sizeOf(reply: StoredReply): number {
  return reply.body.byteLength + JOB_BYTES;
}

function isSelected(selector: PurgeSelector, { key, reply }: Waiting): boolean {
  if (selector.kind === "all") return true;
  if (selector.kind === "key") return selector.key === key;
  return selector.tags.some((tag) => reply.tags.includes(tag));
}
