import type { Log } from "../../api/source.ts";
import { HotpathError } from "../../errors.ts";
import type { RemoteCache } from "../remote.ts";
import type { CacheStore } from "../store.ts";
import type { GuardOptions } from "../tiers/guard.ts";
import { createRemoteStore } from "../tiers/remote-store.ts";
import { createMemcachedClient, type MemcachedAddress } from "./client.ts";
import { createMemcachedRemote } from "./memcached-remote.ts";
import { createServerChoice } from "./server-choice.ts";

/** How Memcached is reached. */
export interface MemcachedTierOptions {
  /** `host` or `host:port`, one or several; each name is on one of them. */
  readonly servers: readonly string[];
  /** Part of every name; equal for all nodes that share a cache. Default `hotpath`. */
  readonly prefix?: string;
  /** A connection that owes a reply for so long is taken for dead. Default 6 seconds. */
  readonly silenceTimeoutMs?: number;
  /** Default 1,000,000: what a server takes by default, less its own bookkeeping. */
  readonly maxValueBytes?: number;
  readonly log?: Log;
}

/**
 * Memcached as a tier; begins to connect at once.
 *
 * @throws HotpathError HP_OPTION_INVALID for a server that is no host and port
 */
export function openMemcachedTier(options: MemcachedTierOptions): RemoteCache {
  const { prefix = "hotpath", silenceTimeoutMs = 6000, maxValueBytes = 1_000_000, log } = options;
  const addresses = options.servers.map(parseServer);
  const report = (error: Error): void =>
    log?.warn({ err: error }, "Memcached cannot be reached; the cache goes on without it");
  const clients = addresses.map((address) => createMemcachedClient(address, { silenceTimeoutMs, report }));
  const choose = createServerChoice(addresses.map(({ host, port }) => `${host}:${port}`));
  return createMemcachedRemote({ clients, clientOf: (name) => clients[choose(name)]!, prefix, maxValueBytes });
}

/** Memcached as a store of its own: every `get` asks it. Waits for the connections, at most two seconds. */
export async function createMemcachedStore(
  options: MemcachedTierOptions & Omit<GuardOptions, "remote">,
): Promise<CacheStore> {
  const remote = openMemcachedTier(options);
  await remote.ready(2000);
  return createRemoteStore({ ...options, remote });
}

const DEFAULT_PORT = 11_211;

function parseServer(text: string): MemcachedAddress {
  const match = /^(?:\[([0-9a-f:]+)\]|([^:[\]/@\s]+))(?::(\d{1,5}))?$/i.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3] ?? DEFAULT_PORT);
  if (host === undefined || port < 1 || port > 65_535) {
    throw new HotpathError("HP_OPTION_INVALID", `cache.memcached takes host:port, not ${JSON.stringify(text)}.`);
  }
  return { host, port };
}
