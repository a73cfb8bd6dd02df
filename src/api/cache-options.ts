import type { OptionRow } from "./option-row.ts";

/** Where a Redis is; see `parseRedisUrl`. */
export const REDIS_URL = {
  expression: /^rediss?(\+cluster|\+sentinel)?:\/\/[^\s/]+(\/\S*)?$/,
  words: "a URL such as redis://host:6379, redis+cluster://host:6379,host:6380 or redis+sentinel://host:26379/master",
};

/** Options of the cache, whatever source answers. */
export const CACHE_OPTIONS = [
  {
    path: "cache.enabled",
    type: "boolean",
    default: true,
    flag: "cache",
    description: "Store replies that may be given again, as RFC 9111 has it.",
  },
  {
    path: "cache.memory",
    type: "bytes",
    default: "256MB",
    min: "1KiB",
    max: "1000GB",
    description: "Room for stored replies in this process, bookkeeping included.",
  },
  {
    path: "cache.maxEntryBytes",
    type: "bytes",
    default: "8MiB",
    min: "1KiB",
    max: "1GiB",
    flag: "cache-max-entry-bytes",
    description: "Replies with more content are passed on and not stored.",
  },
  {
    path: "cache.memoBytes",
    type: "bytes",
    default: "16MiB",
    min: "0",
    max: "1GiB",
    flag: "cache-memo-bytes",
    description:
      "Memory for replies that are repeated to requests with the same head, within a second; 0 turns that off.",
  },
  {
    path: "cache.heuristicPercent",
    type: "integer",
    default: 10,
    min: 0,
    max: 100,
    flag: "cache-heuristic-percent",
    description:
      "Share of the time since `Last-Modified` for which a reply without explicit freshness is fresh; 0 never guesses.",
  },
  {
    path: "cache.heuristicMax",
    type: "duration",
    default: "1d",
    min: 0,
    max: "30d",
    flag: "cache-heuristic-max",
    description: "The longest freshness that `cache.heuristicPercent` may give.",
  },
  {
    path: "cache.staleIfError",
    type: "duration",
    default: "1m",
    min: 0,
    max: "30d",
    flag: "cache-stale-if-error",
    description: "How long stale replies are used while the source fails, where neither reply nor request says.",
  },
  {
    path: "cache.heedRequests",
    type: "boolean",
    default: true,
    flag: "cache-heed-requests",
    description: "Heed `Cache-Control` of requests, such as a browser's reload.",
  },
  {
    path: "cache.purgeFrom",
    type: "list",
    default: [],
    min: 0,
    max: 1000,
    flag: "cache-purge-from",
    pattern: { expression: /^[0-9a-f.:]+(\/\d{1,3})?$/i, words: "addresses or networks such as 10.0.0.0/8" },
    description:
      "Who may remove a URL's stored replies by the method `PURGE`; none: that is a method like every other.",
  },
  {
    path: "cache.status",
    type: "boolean",
    default: true,
    flag: "cache-status",
    description: "Say in `Cache-Status` what the cache did.",
  },
  {
    path: "cache.redis",
    type: "string",
    default: null,
    secret: true,
    pattern: REDIS_URL,
    description: "Redis or Valkey that nodes share stored replies and purges through; `rediss` speaks TLS.",
  },
  {
    path: "cache.memcached",
    type: "list",
    default: [],
    min: 0,
    max: 100,
    pattern: { expression: /^(\[[0-9a-f:]+\]|[^:[\]/@\s]+)(:\d{1,5})?$/i, words: "servers such as host:11211" },
    description: "Memcached servers to share stored replies through, in place of `cache.redis`.",
  },
  {
    path: "cache.prefix",
    type: "string",
    default: "hotpath",
    pattern: { expression: /^[\w.:-]{1,64}$/, words: "up to 64 letters, digits, and . : _ -" },
    description: "Beginning of every name in Redis or Memcached; the same on all nodes that share a cache.",
  },
  {
    path: "cache.softTimeout",
    type: "duration",
    default: "50ms",
    min: "1ms",
    max: "10s",
    flag: "cache-soft-timeout",
    description:
      "How long a request waits for Redis or Memcached before it goes on without; at most `cache.hardTimeout`.",
  },
  {
    path: "cache.hardTimeout",
    type: "duration",
    default: "1s",
    min: "1ms",
    max: "1m",
    flag: "cache-hard-timeout",
    description: "How long a call to Redis or Memcached may take before it counts as failed.",
  },
  {
    path: "cache.maxSharedBytes",
    type: "bytes",
    default: "1MB",
    min: "1KiB",
    max: "512MiB",
    flag: "cache-max-shared-bytes",
    description:
      "Larger replies are kept in this process only; Memcached refuses more than 1 MiB unless told otherwise.",
  },
] as const satisfies readonly OptionRow[];
