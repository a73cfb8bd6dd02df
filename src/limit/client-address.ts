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

/**
 * Names the network that an address counts for: one IPv4 address, or an IPv6 prefix, since whoever has one IPv6 address has
 * 2^64 of them (RFC 6177).
 */
export function toNetwork(address: string, ipv6Prefix: number): string {
  if (!address.includes(":") || isIP(address) !== 6) return address;
  const groups = expand(address.split("%", 1)[0]!);
  let text = "";
  for (let at = 0, bits = ipv6Prefix; bits > 0 && at < 8; at++, bits -= 16) {
    const group = bits >= 16 ? groups[at]! : groups[at]! & (0xffff << (16 - bits));
    text += `${group.toString(16)}:`;
  }
  return `${text}:/${ipv6Prefix}`;
}

/** The eight groups of an IPv6 address. */
function expand(address: string): number[] {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const whole =
    dotted === null
      ? address
      : `${dotted[1]}${((Number(dotted[2]) << 8) | Number(dotted[3])).toString(16)}:${((Number(dotted[4]) << 8) | Number(dotted[5])).toString(16)}`;
  const [head = "", tail] = whole.split("::");
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : 8 - first.length - last.length;
  return [...first, ...Array<string>(zeros).fill("0"), ...last].map((group) => Number.parseInt(group, 16));
}
