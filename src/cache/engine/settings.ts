/** What a cache engine runs by. Times in milliseconds. */
export interface CacheEngineSettings {
  /** Replies with more content are passed on and not stored. */
  readonly maxEntryBytes: number;
  /** Content being gathered for storage at once, over all replies; beyond it replies are passed on and not stored. */
  readonly maxGatheringBytes: number;
  /** Compressed forms of stored content that are kept beside it. */
  readonly maxVariantBytes: number;
  /** Part of the time since `Last-Modified` for which a reply without explicit freshness is fresh; 0: never. */
  readonly heuristicFraction: number;
  readonly heuristicMaxMs: number;
  /** Targeted fields that are heeded after our own (RFC 9213), lower case. */
  readonly targets: readonly string[];
  /** How long past its freshness a reply is used when the source fails and nobody says otherwise; 0: not at all. */
  readonly staleIfErrorMs: number;
  /** How long past all use a reply with a validator is kept, since a 304 makes it fresh again. */
  readonly keepForValidationMs: number;
  /** Whether clients' `Cache-Control` is heeded. */
  readonly heedsRequests: boolean;
  /** How long a request waits for another's that asks for the same. */
  readonly collapseWaitMs: number;
  /** How long the fetch of a reply may go on when nobody waits for it any more. */
  readonly unattendedMs: number;
  /** Refreshes under way behind the backs of clients; further ones are left out. */
  readonly maxRefreshes: number;
  /** Weight of early refreshes (XFetch's beta); 0: none. */
  readonly earlyRefresh: number;
  /** Whether replies say in `Cache-Status` what the cache did. */
  readonly tellsStatus: boolean;
}

/** What applies where nothing else is said. */
export const CACHE_ENGINE_DEFAULTS: CacheEngineSettings = {
  maxEntryBytes: 8 * 1024 * 1024,
  maxGatheringBytes: 64 * 1024 * 1024,
  maxVariantBytes: 32 * 1024 * 1024,
  heuristicFraction: 0.1,
  heuristicMaxMs: 24 * 60 * 60 * 1000,
  targets: ["cdn-cache-control"],
  staleIfErrorMs: 60_000,
  keepForValidationMs: 60 * 60 * 1000,
  heedsRequests: true,
  collapseWaitMs: 10_000,
  unattendedMs: 30_000,
  maxRefreshes: 32,
  earlyRefresh: 1,
  tellsStatus: true,
};
