import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { setImmediate as nextTurn, setTimeout as delay } from "node:timers/promises";
import { defer, type TestScope } from "./defer.ts";
import { seededRandom } from "./seeded-random.ts";

/** What can be wrong with a way. Everything may be changed at any time; zero and false are as if there were no proxy. */
export interface Faults {
  /** Holds every chunk back for so long, in both directions. */
  delayMs: number;
  /** Up to so much more, at random. */
  jitterMs: number;
  /** Of each connection and direction. */
  bytesPerSecond: number;
  /** Passes on pieces of at most so many bytes (at random), each by itself. */
  sliceBytes: number;
  /** Breaks a connection after a number of bytes, at random up to this one, in either direction. */
  breakAfterBytes: number;
  /** Whether it then is reset, rather than ended. */
  breaksByReset: boolean;
  /** Takes everything and passes nothing on; what was taken goes on when it ends. */
  isBlackHole: boolean;
}

/** A TCP proxy that does to connections what networks do. The same seed makes the same choices. */
export interface FaultProxy extends Faults {
  readonly port: number;
  /** Connections open now. */
  readonly connections: number;
  /** Ends all connections and refuses new ones until `heal`. */
  cut(): void;
  /** Resets all connections; new ones are welcome. */
  reset(): void;
  /** Ends every fault. Connections that are open go on. */
  heal(): void;
}

/** Starts a proxy to a local port, on an address of this machine; it is gone when the scope has ended. */
export async function startFaultProxy(
  t: TestScope,
  targetPort: number,
  seed = 1,
  host = "127.0.0.1",
): Promise<FaultProxy> {
  const random = seededRandom(seed);
  const pairs = new Set<Pair>();
  let isCut = false;
  let held = Promise.withResolvers<void>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    client.on("error", ignore);
    if (isCut) {
      client.destroy();
      return;
    }
    const target = connect({ port: targetPort, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    const pair: Pair = {
      sockets: [client, target],
      limitBytes: proxy.breakAfterBytes > 0 ? Math.floor(random() * proxy.breakAfterBytes) : Number.POSITIVE_INFINITY,
      passedBytes: 0,
      isBroken: false,
    };
    pairs.add(pair);
    client.once("close", () => pairs.delete(pair));
    join(pair, client, target);
    join(pair, target, client);
  });

  const proxy: FaultProxy = {
    ...NO_FAULTS,
    port: 0,
    get connections() {
      return pairs.size;
    },
    cut() {
      isCut = true;
      for (const pair of pairs) end(pair, false);
    },
    reset() {
      for (const pair of pairs) end(pair, true);
    },
    heal() {
      isCut = false;
      Object.assign(proxy, NO_FAULTS);
      for (const pair of pairs) pair.limitBytes = Number.POSITIVE_INFINITY;
      held.resolve();
      held = Promise.withResolvers<void>();
    },
  };

  function join(pair: Pair, from: Socket, to: Socket): void {
    let before: Promise<void> = Promise.resolve();
    let waitingBytes = 0;
    from.on("data", (chunk: Buffer) => {
      waitingBytes += chunk.length;
      if (waitingBytes > MAX_WAITING_BYTES) from.pause();
      const due = held.promise;
      const latency = proxy.delayMs + random() * proxy.jitterMs;
      const isDue = latency > 0 ? delay(latency, undefined, { ref: false }) : undefined;
      const passOn = async (previous: Promise<void>): Promise<void> => {
        await previous;
        await isDue;
        if (proxy.isBlackHole) await due;
        await pass(chunk, to, pair);
        waitingBytes -= chunk.length;
        from.resume();
      };
      before = passOn(before);
    });
    from.once("end", () => void before.then(() => to.end()));
    from.on("error", ignore);
    from.once("close", (hadError) => {
      if (hadError) end(pair, true);
      else if (!from.readableEnded) end(pair, false);
      // What stands behind both ends may take its time, but not when nobody listens any more.
      else void before.then(() => to.destroySoon());
    });
  }

  /** Passes bytes on as the faults of this moment want it. */
  async function pass(bytes: Buffer, to: Socket, pair: Pair): Promise<void> {
    for (let rest = bytes; rest.length > 0 && !pair.isBroken;) {
      const wanted = proxy.sliceBytes > 0 ? 1 + Math.floor(random() * proxy.sliceBytes) : rest.length;
      const length = Math.min(wanted, rest.length, pair.limitBytes - pair.passedBytes);
      const piece = rest.subarray(0, length);
      rest = rest.subarray(length);
      pair.passedBytes += length;
      if (length > 0 && to.writable && !to.write(piece)) await writable(to);
      if (pair.passedBytes >= pair.limitBytes) end(pair, proxy.breaksByReset);
      else if (proxy.bytesPerSecond > 0) await delay((length / proxy.bytesPerSecond) * 1000, undefined, { ref: false });
      else if (rest.length > 0) await nextTurn();
    }
  }

  server.listen(0, host);
  await once(server, "listening");
  const address = server.address();
  defer(t, async () => {
    proxy.cut();
    server.close();
    await once(server, "close");
  });
  return Object.defineProperty(proxy, "port", {
    value: typeof address === "object" && address !== null ? address.port : 0,
  });
}

/** The same address, through a proxy. */
export function through(url: string, { port }: FaultProxy): string {
  const parsed = new URL(url);
  parsed.hostname = "127.0.0.1";
  parsed.port = String(port);
  return parsed.href;
}

const NO_FAULTS: Readonly<Faults> = {
  delayMs: 0,
  jitterMs: 0,
  bytesPerSecond: 0,
  sliceBytes: 0,
  breakAfterBytes: 0,
  breaksByReset: false,
  isBlackHole: false,
};

/** Of one connection and direction; then its sender has to wait. */
const MAX_WAITING_BYTES = 1024 * 1024;

/** A connection and that which stands behind it. */
interface Pair {
  readonly sockets: readonly [Socket, Socket];
  limitBytes: number;
  passedBytes: number;
  isBroken: boolean;
}

function end(pair: Pair, isReset: boolean): void {
  if (pair.isBroken) return;
  pair.isBroken = true;
  for (const socket of pair.sockets) {
    if (isReset) socket.resetAndDestroy();
    else socket.destroy();
  }
}

async function writable(socket: Socket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.once("drain", resolve).once("close", resolve);
  await promise;
  socket.off("drain", resolve).off("close", resolve);
}

function ignore(): void {}
