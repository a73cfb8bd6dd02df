import type { Server, Socket } from "node:net";
import { plainAddress, toNetwork } from "../../http/address.ts";

/** What is known of a listener's connections. */
export interface ConnectionCounts {
  readonly open: number;
  /** Let in, since start. */
  readonly accepted: number;
  /** Closed as they came, since start: all together were too many, or those of their address. */
  readonly refused: { readonly total: number; readonly address: number };
}

/** How many connections one address may have. */
export interface ConnectionLimit {
  /** 0: as many as there may be at all. */
  readonly maxPerAddress: number;
  /** Bits by which IPv6 addresses are told apart: whoever has one has all of its network. */
  readonly ipv6Prefix: number;
}

/**
 * Counts a server's connections, and closes those of one address beyond its limit before anything of theirs is read. To be called when
 * everything that listens for connections does so: only admitted ones are passed on.
 */
export function limitConnections(server: Server, { maxPerAddress, ipv6Prefix }: ConnectionLimit): ConnectionCounts {
  const refused = { total: 0, address: 0 };
  let open = 0;
  let accepted = 0;
  // At most as many as there are connections.
  const byAddress = new Map<string, number>();
  const listeners = server.listeners("connection") as ((this: Server, socket: Socket) => void)[];
  server.removeAllListeners("connection");
  server.on("drop", () => (refused.total += 1));
  server.on("connection", (socket: Socket) => {
    // Nobody asks the system for an address that is not counted.
    const address = maxPerAddress > 0 ? addressOf(socket, ipv6Prefix) : "";
    const count = byAddress.get(address) ?? 0;
    if (address !== "" && count >= maxPerAddress) {
      refused.address += 1;
      socket.on("error", ignore).destroy();
      return;
    }
    open += 1;
    accepted += 1;
    if (address !== "") byAddress.set(address, count + 1);
    socket.once("close", () => {
      open -= 1;
      if (address === "") return;
      const left = (byAddress.get(address) ?? 1) - 1;
      if (left === 0) byAddress.delete(address);
      else byAddress.set(address, left);
    });
    for (const listener of listeners) listener.call(server, socket);
  });
  return {
    get open() {
      return open;
    },
    get accepted() {
      return accepted;
    },
    refused,
  };
}

/** Empty for Unix sockets, and for connections that are gone already. */
function addressOf({ remoteAddress }: Socket, ipv6Prefix: number): string {
  return remoteAddress === undefined ? "" : toNetwork(plainAddress(remoteAddress), ipv6Prefix);
}

function ignore(): void {}
