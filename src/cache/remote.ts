import type { PurgeSelector, StoredReplies, StoredReply } from "./store.ts";

/**
 * A cache across a network. Unlike a `CacheStore` it rejects what fails, so that whoever stands in front of it (the
 * tiers) can tell a miss from an outage; it has no patience of its own.
 */
export interface RemoteCache {
  /** Names it in metrics and logs: `redis`, `memcached`. */
  readonly name: string;
  /** Whether it tells about what other nodes removed or replaced. Otherwise copies kept here must be checked in time. */
  readonly isCoherent: boolean;
  read(key: string): Promise<StoredReplies | undefined>;
  /** Resolves once it is written, or refused: too large, or asked for before a purge it falls under. */
  write(key: string, reply: StoredReply): Promise<void>;
  /** Removes, and tells the other nodes; resolves with how many keys went, 0 where that is unknown. */
  remove(selector: PurgeSelector): Promise<number>;
  /** Who is told about other nodes. At most one listener. */
  listen(listener: RemoteListener): void;
  /** Resolves when it can be used, or after the time given; `true` when it can. */
  ready(timeoutMs: number): Promise<boolean>;
  close(): Promise<void>;
}

/** What happens elsewhere and matters to copies kept here. */
export interface RemoteListener {
  /** Another node removed this. */
  purged(selector: PurgeSelector): void;
  /** Another node put another reply in a stored one's place. */
  replaced(key: string): void;
  /** From now on messages may be missed: every copy may be out of date. */
  lost(): void;
  /** Messages arrive again. What was sent in between is missed for good. */
  restored(): void;
}
