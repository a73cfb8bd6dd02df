import { createServer, type Server, type Socket } from "node:net";
import { plainAddress, toNetwork } from "../http/address.ts";
import { bind, type BoundAddress } from "../server/listener/bind.ts";
import type { ListenAddress } from "../server/listener/index.ts";

/** A worker, to whoever hands out connections. */
export interface Taker {
  readonly id: number;
  /** The connection stays open here until the worker says that it has it. */
  hand(connection: number, socket: Socket): void;
}

export interface FrontDoorSettings {
  readonly listen: ListenAddress;
  readonly isSecure: boolean;
  readonly maxConnections: number;
  /** 0: as many as there may be at all. */
  readonly maxPerAddress: number;
  readonly ipv6Prefix: number;
}

/** Where all connections come in, to be handed to the workers. */
export interface FrontDoor {
  /** @throws HotpathError HP_PORT_IN_USE or HP_LISTEN_FAILED */
  listen(): Promise<BoundAddress>;
  /** A worker takes connections from now on. */
  open(worker: Taker): void;
  /** It takes no more. */
  shut(worker: Taker): void;
  /** It is gone, with its connections; those that it had not taken yet are for another. */
  part(worker: Taker): void;
  took(worker: Taker, connection: number): void;
  ended(worker: Taker, connections: readonly number[]): void;
  /** Connections of a worker, and those that wait for one. */
  count(worker: Taker): number;
  readonly waiting: number;
  readonly refused: { readonly total: number; readonly address: number };
  /** Accepts no more; what waits for a worker is dropped. */
  close(): void;
}

/** Connections that wait while no worker is there. The kernel has as many again. */
const MAX_WAITING = 4096;
const WAIT_TIMEOUT_MS = 30_000;

/**
 * Accepts connections and hands each to the worker that has the fewest. Not the scheduler of `node:cluster`: what that has handed to a
 * worker that dies before it takes it hangs for good; here it is handed to another. Nothing of a connection is read.
 */
export function createFrontDoor(settings: FrontDoorSettings): FrontDoor {
  const { maxConnections, maxPerAddress, ipv6Prefix } = settings;
  const takers = new Map<number, Taker>();
  const connections = new Map<number, Connection>();
  const counts = new Map<number, number>();
  const byAddress = new Map<string, number>();
  const waiting = new Map<Connection, NodeJS.Timeout>();
  const refused = { total: 0, address: 0 };
  let number = 0;

  const server: Server = createServer({ pauseOnConnect: true, noDelay: true, allowHalfOpen: true }, (socket) => {
    socket.on("error", ignore);
    const address = addressOf(socket, ipv6Prefix);
    const ofAddress = byAddress.get(address) ?? 0;
    const isTooMany = connections.size >= maxConnections;
    if (isTooMany || (maxPerAddress > 0 && address !== "" && ofAddress >= maxPerAddress)) {
      refused[isTooMany ? "total" : "address"]++;
      socket.destroy();
      return;
    }
    const connection: Connection = { number: ++number, address, socket, worker: undefined };
    connections.set(connection.number, connection);
    byAddress.set(address, ofAddress + 1);
    place(connection);
  });

  function place(connection: Connection): void {
    const worker = emptiest();
    if (worker === undefined) {
      if (waiting.size >= MAX_WAITING) end(connection);
      else
        waiting.set(
          connection,
          setTimeout(() => end(connection), WAIT_TIMEOUT_MS),
        );
      return;
    }
    connection.worker = worker.id;
    counts.set(worker.id, (counts.get(worker.id) ?? 0) + 1);
    if (connection.socket !== undefined) worker.hand(connection.number, connection.socket);
  }

  function emptiest(): Taker | undefined {
    let found: Taker | undefined;
    let least = Infinity;
    for (const worker of takers.values()) {
      const count = counts.get(worker.id) ?? 0;
      if (count >= least) continue;
      least = count;
      found = worker;
    }
    return found;
  }

  function end(connection: Connection): void {
    const { worker, address, socket } = connection;
    if (!connections.delete(connection.number)) return;
    clearTimeout(waiting.get(connection));
    waiting.delete(connection);
    socket?.destroy();
    if (worker !== undefined) counts.set(worker, (counts.get(worker) ?? 1) - 1);
    const left = (byAddress.get(address) ?? 1) - 1;
    if (left > 0) byAddress.set(address, left);
    else byAddress.delete(address);
  }

  return {
    async listen() {
      const bound = await bind(server, settings.listen, settings.isSecure ? "https" : "http");
      // A failed accept (no file descriptors left) is over with the next one.
      server.on("error", ignore);
      return bound;
    },
    open(worker) {
      takers.set(worker.id, worker);
      for (const [connection, timer] of waiting) {
        clearTimeout(timer);
        waiting.delete(connection);
        place(connection);
      }
    },
    shut: (worker) => void takers.delete(worker.id),
    part(worker) {
      takers.delete(worker.id);
      const own = [...connections.values()].filter((connection) => connection.worker === worker.id);
      counts.delete(worker.id);
      for (const connection of own) {
        connection.worker = undefined;
        if (connection.socket === undefined || connection.socket.destroyed) end(connection);
        else place(connection);
      }
    },
    took(worker, taken) {
      const connection = connections.get(taken);
      if (connection?.worker !== worker.id) return;
      connection.socket?.destroy();
      connection.socket = undefined;
    },
    ended(worker, over) {
      for (const each of over) {
        const connection = connections.get(each);
        if (connection?.worker === worker.id) end(connection);
      }
    },
    count: (worker) => counts.get(worker.id) ?? 0,
    get waiting() {
      return waiting.size;
    },
    refused,
    close() {
      if (!server.listening) return;
      server.close();
      for (const connection of waiting.keys()) end(connection);
    },
  };
}

interface Connection {
  readonly number: number;
  readonly address: string;
  /** Until a worker has it. */
  socket: Socket | undefined;
  worker: number | undefined;
}

/** Empty for Unix sockets, and for connections that are gone already. */
function addressOf({ remoteAddress }: Socket, ipv6Prefix: number): string {
  return remoteAddress === undefined ? "" : toNetwork(plainAddress(remoteAddress), ipv6Prefix);
}

function ignore(): void {}
