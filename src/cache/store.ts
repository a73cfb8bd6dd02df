import type { ReplyHeaders } from "../http/message.ts";

/**
 * A reply kept for use again, with what RFC 9111 needs to decide when it may be. Never changed after it was made: a
 * revalidation makes another.
 */
export interface StoredReply {
  readonly status: number;
  readonly statusText?: string;
  /** As received, without hop-by-hop fields and without those that `no-cache="…"` or `private="…"` exclude. */
  readonly headers: Readonly<ReplyHeaders>;
  /** The content as received, content coding included. */
  readonly body: Uint8Array;
  /** When the request that made it was sent, and when its head was received: milliseconds since the epoch. */
  readonly requestedAtMs: number;
  readonly receivedAtMs: number;
  /**
   * The request fields that `Vary` named, lower case and sorted, with the values the request had (normalised, `null` where it
   * had none). Empty: it serves every request of its key.
   */
  readonly vary: readonly (readonly [name: string, value: string | null])[];
  /** For a stored 206: which bytes of the whole these are. */
  readonly range?: { readonly first: number; readonly last: number; readonly size: number };
  /** Names by which it can be purged: at most 128, each of at most 256 characters. */
  readonly tags: readonly string[];
  /** Until when it is worth keeping: freshness plus what it may be used stale. Milliseconds since the epoch. */
  readonly keepUntilMs: number;
}

/** All replies under one cache key, the one received last first; they differ in `vary` or `range`. */
export type StoredReplies = readonly StoredReply[];

/** What to remove. */
export type PurgeSelector =
  | { readonly kind: "key"; readonly key: string }
  | { readonly kind: "tags"; readonly tags: readonly string[] }
  | { readonly kind: "all" };

/** Where stored replies are kept. A store that is slow or gone answers as if it were empty; it never rejects. */
export interface CacheStore {
  /** Synchronous where it can be: the in-process store answers a hit without a promise. */
  get(key: string): StoredReplies | undefined | Promise<StoredReplies | undefined>;
  /** Adds a reply under the key in place of one with equal `vary` and `range`. At most 32 replies a key: the oldest go. */
  put(key: string, reply: StoredReply): void | Promise<void>;
  /** Removes; resolves with how many keys went, where the store can tell. */
  purge(selector: PurgeSelector): number | Promise<number>;
  /** Some of what is held in this process, those that came last first; absent where that cannot be told. */
  list?(most: number, isWanted: (key: string, replies: StoredReplies) => boolean): readonly StoredEntry[];
  stats(): StoreStats;
  close(): Promise<void>;
}

/** What is held under one key. */
export interface StoredEntry {
  readonly key: string;
  readonly replies: StoredReplies;
}

export interface StoreStats {
  readonly entries: number;
  readonly bytes: number;
  readonly maxBytes: number;
  readonly hits: number;
  readonly misses: number;
  readonly evictions: number;
}
