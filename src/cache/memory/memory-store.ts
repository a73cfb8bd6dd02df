import { createPurgeLog } from "../purge-log.ts";
import { addReply, firstExpiry, tagsOf, withoutExpired } from "../replies.ts";
import type { CacheStore, PurgeSelector, StoredEntry, StoredReplies, StoredReply, StoreStats } from "../store.ts";
import { S3Fifo, type S3FifoNode } from "./s3-fifo.ts";
import { sizeOf } from "./size.ts";
import { TagIndex } from "./tag-index.ts";

/** How the in-process store is made. */
export interface MemoryStoreOptions {
  /** Bound of everything it holds: content, header fields, keys, tags and bookkeeping. */
  readonly maxBytes: number;
  /** Milliseconds since the epoch; `Date.now` unless a test has another. */
  readonly clock?: () => number;
}

/** The in-process store: every method answers at once. */
export interface MemoryStore extends CacheStore {
  get(key: string): StoredReplies | undefined;
  put(key: string, reply: StoredReply): void;
  purge(selector: PurgeSelector): number;
  /** Removes as `purge` does, without a bar to storing it again: the copy is doubtful, what it was copied from may not be. */
  drop(selector: PurgeSelector): number;
  /** What is held, expired or not; counts as no use. */
  peek(key: string): StoredReplies | undefined;
}

/**
 * A store in this process, bounded in bytes; S3-FIFO decides what goes.
 *
 * - An entry larger than an eighth of the room is not stored, and takes the place of no smaller one.
 * - Expired entries go when they are met, and each `put` looks at two more entries in turn; there is no timer.
 * - A reply that was asked for before a purge it falls under is not stored after it.
 */
export function createMemoryStore({ maxBytes, clock = Date.now }: MemoryStoreOptions): MemoryStore {
  const entries = new Map<string, Entry>();
  const eviction = new S3Fifo<Entry>(maxBytes);
  const tagged = new TagIndex<Entry>();
  const purges = createPurgeLog();
  const maxEntryBytes = Math.floor(maxBytes * LARGEST_SHARE);
  let sweeper = entries.values();
  let bytes = 0;
  let hits = 0;
  let misses = 0;
  let evictions = 0;

  function forget(entry: Entry): void {
    entries.delete(entry.key);
    tagged.remove(entry.tags, entry);
    bytes -= entry.bytes;
  }

  function remove(entry: Entry): void {
    eviction.remove(entry);
    forget(entry);
  }

  /** Gives an entry other replies. Its caller has checked their size. */
  function replace(entry: Entry, replies: StoredReplies, size: number): void {
    const tags = tagsOf(replies);
    tagged.remove(
      entry.tags.filter((tag) => !tags.includes(tag)),
      entry,
    );
    tagged.add(tags, entry);
    bytes += size - entry.bytes;
    eviction.resize(entry, size);
    entry.replies = replies;
    entry.tags = tags;
    entry.expiresAtMs = firstExpiry(replies);
  }

  function add(key: string, replies: StoredReplies, size: number): void {
    const entry = createEntry(key, replies, size);
    entries.set(key, entry);
    tagged.add(entry.tags, entry);
    eviction.add(entry);
    bytes += size;
  }

  /** Takes the expired replies from an entry, and the entry away when none is left. */
  function expire(entry: Entry, nowMs: number): StoredReplies | undefined {
    const left = withoutExpired(entry.replies, nowMs);
    if (left === undefined) remove(entry);
    else replace(entry, left, sizeOf(entry.key, left));
    return left;
  }

  function makeRoom(): void {
    while (bytes + eviction.overheadBytes > maxBytes) {
      const victim = eviction.evict();
      if (victim === undefined) return;
      forget(victim);
      evictions++;
    }
  }

  function sweep(nowMs: number): void {
    for (let looked = 0; looked < SWEPT_PER_PUT; looked++) {
      const next = sweeper.next();
      if (next.done) {
        sweeper = entries.values();
        return;
      }
      if (next.value.expiresAtMs <= nowMs) expire(next.value, nowMs);
    }
  }

  function drop(selector: PurgeSelector): number {
    if (selector.kind === "all") {
      const count = entries.size;
      entries.clear();
      tagged.clear();
      eviction.clear();
      bytes = 0;
      return count;
    }
    if (selector.kind === "tags") {
      const found = tagged.find(selector.tags);
      for (const entry of found) remove(entry);
      return found.size;
    }
    const entry = entries.get(selector.key);
    if (entry !== undefined) remove(entry);
    return entry === undefined ? 0 : 1;
  }

  return {
    get(key) {
      const entry = entries.get(key);
      if (entry === undefined) {
        misses++;
        return undefined;
      }
      const nowMs = clock();
      const replies = entry.expiresAtMs > nowMs ? entry.replies : expire(entry, nowMs);
      if (replies === undefined) {
        misses++;
        return undefined;
      }
      hits++;
      eviction.touch(entry);
      return replies;
    },
    put(key, reply) {
      const nowMs = clock();
      sweep(nowMs);
      if (reply.keepUntilMs <= nowMs || purges.isPurged(key, reply.tags, reply.requestedAtMs)) return;
      const entry = entries.get(key);
      const replies = addReply(entry?.replies, withOwnBody(reply), nowMs);
      const size = sizeOf(key, replies);
      if (size > maxEntryBytes) {
        // What it was to replace is out of date all the same.
        if (entry !== undefined) remove(entry);
      } else if (entry === undefined) add(key, replies, size);
      else replace(entry, replies, size);
      makeRoom();
    },
    purge(selector) {
      purges.record(selector, clock());
      return drop(selector);
    },
    drop,
    peek: (key) => entries.get(key)?.replies,
    list(most, isWanted) {
      const found: StoredEntry[] = [];
      let seen = 0;
      for (const { key, replies } of [...entries.values()].reverse()) {
        if (found.length >= most || seen++ >= MOST_LISTED) break;
        if (isWanted(key, replies)) found.push({ key, replies });
      }
      return found;
    },
    stats(): StoreStats {
      return { entries: entries.size, bytes: bytes + eviction.overheadBytes, maxBytes, hits, misses, evictions };
    },
    close() {
      drop({ kind: "all" });
      return Promise.resolve();
    },
  };
}

interface Entry extends S3FifoNode {
  replies: StoredReplies;
  tags: readonly string[];
  /** When the first of the replies expires. */
  expiresAtMs: number;
}

/** An entry above this share of the room would push out too many others. */
const LARGEST_SHARE = 1 / 8;
const SWEPT_PER_PUT = 2;
/** Entries that are looked through for a list, which must not hold up requests. */
const MOST_LISTED = 100_000;

function createEntry(key: string, replies: StoredReplies, bytes: number): Entry {
  return {
    key,
    bytes,
    uses: 0,
    isMain: false,
    newer: undefined,
    older: undefined,
    replies,
    tags: tagsOf(replies),
    expiresAtMs: firstExpiry(replies),
  };
}

/** A view of a much larger buffer (a chunk of a socket, a pool) would keep all of it alive: such a body is copied. */
function withOwnBody(reply: StoredReply): StoredReply {
  const { body } = reply;
  if (body.buffer.byteLength <= body.byteLength + Math.max(MOST_WASTE, body.byteLength >>> 3)) return reply;
  return { ...reply, body: new Uint8Array(body) };
}

const MOST_WASTE = 512;
