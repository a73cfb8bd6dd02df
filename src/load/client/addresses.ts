import { lookup } from "node:dns/promises";
import { isIP } from "node:net";

/** How long a name's addresses are remembered, as in k6. */
const REMEMBERED_MS = 300_000;
/** So that a script that makes up names cannot fill the memory. */
const MAX_NAMES = 10_000;

interface Known {
  readonly addresses: readonly string[];
  readonly until: number;
}

/** Looks up names once for all connections of a process, IPv4 first. */
export interface Addresses {
  /** Where a host is; at once if that is known. `attempt` counts through its addresses. */
  find(hostname: string, attempt: number): string | undefined;
  /** Looks it up. */
  load(hostname: string): Promise<void>;
  /** How many addresses there are to try. */
  count(hostname: string): number;
}

/** Keeps the addresses of names for one process. */
export function createAddresses(): Addresses {
  const known = new Map<string, Known>();
  const loading = new Map<string, Promise<void>>();
  const load = async (hostname: string): Promise<void> => {
    try {
      const found = await lookup(hostname, { all: true, order: "ipv4first" });
      if (known.size >= MAX_NAMES) known.clear();
      known.set(hostname, {
        addresses: found.map(({ address }) => address),
        until: performance.now() + REMEMBERED_MS,
      });
    } finally {
      loading.delete(hostname);
    }
  };
  return {
    find(hostname, attempt) {
      if (isIP(hostname) !== 0) return hostname;
      const entry = known.get(hostname);
      if (entry === undefined || entry.until < performance.now()) return undefined;
      return entry.addresses[attempt % entry.addresses.length];
    },
    async load(hostname) {
      const before = loading.get(hostname);
      if (before !== undefined) return before;
      const promise = load(hostname);
      loading.set(hostname, promise);
      return promise;
    },
    count: (hostname) => known.get(hostname)?.addresses.length ?? 1,
  };
}
