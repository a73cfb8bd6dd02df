import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { defer, type TestScope } from "./defer.ts";

/** A TCP relay that a test can slow down, and cut. */
export interface Relay {
  readonly port: number;
  /** Holds every chunk back for so long, in both directions; may be changed at any time. */
  delayMs: number;
  /** Ends all connections and refuses new ones until `heal`. */
  cut(): void;
  heal(): void;
}

/** Starts a relay to a local port; it is gone when the scope has ended. */
export async function startRelay(t: TestScope, targetPort: number): Promise<Relay> {
  const sockets = new Set<Socket>();
  let isCut = false;
  const server = createServer((client) => {
    if (isCut) {
      client.destroy();
      return;
    }
    const target = connect(targetPort, "127.0.0.1");
    join(client, target);
    join(target, client);
  });
  const relay: Relay = {
    port: 0,
    delayMs: 0,
    cut() {
      isCut = true;
      for (const socket of sockets) socket.destroy();
    },
    heal() {
      isCut = false;
    },
  };

  function join(from: Socket, to: Socket): void {
    sockets.add(from);
    let before: Promise<void> = Promise.resolve();
    from.on("data", (chunk) => {
      const held = relay.delayMs > 0 ? delay(relay.delayMs, undefined, { ref: false }) : undefined;
      before = forward(chunk, to, before, held);
    });
    from.on("error", () => to.destroy());
    from.on("close", () => {
      sockets.delete(from);
      to.destroy();
    });
  }

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  defer(t, async () => {
    relay.cut();
    server.close();
    await once(server, "close");
  });
  return Object.assign(relay, { port: typeof address === "object" && address !== null ? address.port : 0 });
}

async function forward(chunk: Buffer, to: Socket, before: Promise<void>, held?: Promise<void>): Promise<void> {
  await before;
  await held;
  to.write(chunk);
}
