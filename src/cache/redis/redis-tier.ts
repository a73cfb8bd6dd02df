import type { Log } from "../../api/source.ts";
import type { RemoteCache } from "../remote.ts";
import type { CacheStore } from "../store.ts";
import type { GuardOptions } from "../tiers/guard.ts";
import { createRemoteStore } from "../tiers/remote-store.ts";
import { openLink, type RedisLink } from "./link.ts";
import { createRedisRemote } from "./redis-remote.ts";
import { parseRedisUrl, type RedisTarget } from "./target.ts";

/** How Redis is reached. */
export interface RedisTierOptions {
  /** A URL as option `cache.redis` takes it, or what it stands for. */
  readonly target: RedisTarget | string;
  /** First part of every name in Redis; equal for all nodes that share a cache. Default `hotpath`. */
  readonly prefix?: string;
  /** For opening a connection. Default 2 seconds. */
  readonly connectTimeoutMs?: number;
  /** A connection silent for so long is taken for dead; pings make a living one speak. Default 6 seconds. */
  readonly silenceTimeoutMs?: number;
  /** Larger records are not written. Default 1 MiB. */
  readonly maxValueBytes?: number;
  readonly log?: Log;
}

/** Redis as a tier, and the link that flight locks need. */
export interface RedisTier {
  readonly remote: RemoteCache;
  readonly link: RedisLink;
}

/** Begins to connect; resolves without waiting for Redis. Loads node-redis, which nothing else does. */
export async function openRedisTier(options: RedisTierOptions): Promise<RedisTier> {
  const { target, log, prefix = "hotpath", connectTimeoutMs = 2000, silenceTimeoutMs = 6000 } = options;
  const link = await openLink({
    target: typeof target === "string" ? parseRedisUrl(target) : target,
    prefix,
    connectTimeoutMs,
    silenceTimeoutMs,
    report: (error) => log?.warn({ err: error }, "Redis cannot be reached; the cache goes on without it"),
  });
  const remote = createRedisRemote({ link, maxValueBytes: options.maxValueBytes ?? 1024 ** 2 });
  return { remote, link };
}

/** Redis as a remote cache, for `createTieredStore`. Begins to connect; resolves without waiting for Redis. */
export async function openRedisCache(options: RedisTierOptions): Promise<RemoteCache> {
  return (await openRedisTier(options)).remote;
}

/** Redis as a store of its own: every `get` asks it. Waits for the first connection, at most the time for opening one. */
export async function createRedisStore(options: RedisTierOptions & Omit<GuardOptions, "remote">): Promise<CacheStore> {
  const { remote } = await openRedisTier(options);
  await remote.ready(options.connectTimeoutMs ?? 2000);
  return createRemoteStore({ ...options, remote });
}
