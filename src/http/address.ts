import { BlockList, isIP } from "node:net";

/** IPv4 on a socket of both families comes as `::ffff:192.0.2.1`. */
export function plainAddress(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}

/** Whether a host to listen on is reached from this machine alone. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/**
 * Makes the test for whether an address is one of these, or in one of these networks (CIDR). Takes addresses as sockets tell them;
 * what is no address is in none.
 */
export function createNetworks(networks: readonly string[]): (address: string) => boolean {
  if (networks.length === 0) return () => false;
  const list = new BlockList();
  for (const network of networks) {
    const [address = "", bits] = network.split("/");
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return (received) => {
    const address = plainAddress(received);
    const family = isIP(address);
    return family !== 0 && list.check(address, family === 6 ? "ipv6" : "ipv4");
  };
}

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
