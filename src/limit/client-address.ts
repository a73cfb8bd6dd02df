import type { IncomingHttpHeaders } from "node:http";
import { isIP } from "node:net";
import { createNetworks, plainAddress } from "../http/address.ts";

/** The part of a request that tells where it came from. */
export interface Addressed {
  readonly remoteAddress: string;
  readonly headers: Readonly<IncomingHttpHeaders>;
}

/**
 * Finds who is at the other end: the peer, or, where peers are trusted proxies, the last address that one of them
 * did not vouch for. What clients themselves write further left in `X-Forwarded-For` is never believed.
 *
 * @param trustedProxies addresses and networks (CIDR)
 */
export function createClientAddress(trustedProxies: readonly string[]): (request: Addressed) => string {
  const isTrusted = createNetworks(trustedProxies);
  if (trustedProxies.length === 0) return ({ remoteAddress }) => plainAddress(remoteAddress);
  return ({ remoteAddress, headers }) => {
    let client = plainAddress(remoteAddress);
    const given = headers["x-forwarded-for"];
    const hops = given === undefined ? [] : String(given).split(",");
    for (let at = hops.length - 1; at >= 0 && at >= hops.length - MAX_HOPS && isTrusted(client); at--) {
      const hop = plainAddress(hops[at]!.trim());
      if (isIP(hop) === 0) break;
      client = hop;
    }
    return client;
  };
}

/** Proxies in a row that are looked behind. */
const MAX_HOPS = 32;
