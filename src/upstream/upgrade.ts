import type { IncomingHttpHeaders } from "node:http";
import type { Duplex } from "node:stream";
import type { UpstreamSettings } from "../api/settings.ts";
import type { UpgradeConnection } from "../api/source.ts";
import { HotpathError } from "../errors.ts";
import { isHopByHop } from "../http/hop-by-hop.ts";
import { STATUS_CODES } from "../http/node-http.ts";
import { clientOptions, createConnector, type Dialler } from "./connections.ts";
import { Exchange, type UpstreamReply } from "./exchange.ts";
import type { Outgoing } from "./sender.ts";

/** WebSockets through a source. */
export interface Upgrades {
  /**
   * Asks the upstream for a WebSocket. Resolves with nothing once both connections are joined, with the upstream's reply when it
   * refuses. Rejects with a `HotpathError`.
   */
  open(origin: string, outgoing: Outgoing, connection: UpgradeConnection): Promise<UpstreamReply | undefined>;
  /** Ends those that are open. */
  close(): void;
}

/** Each on a connection of its own: a WebSocket lives long and takes none of those that requests share. */
export function createUpgrades(dialler: Dialler, settings: UpstreamSettings): Upgrades {
  const joined = new Set<Duplex>();
  return {
    async open(origin, outgoing, { socket, head }) {
      const { method, path, headers, request } = outgoing;
      const connect = createConnector(dialler, origin, { ...settings, protocol: "http1" });
      const client = new dialler.undici.Client(origin, { ...clientOptions(settings), allowH2: false, connect });
      const { promise, resolve } = Promise.withResolvers<undefined>();
      const exchange = new Exchange({
        method,
        maxBodyBytes: settings.limits.bodyBytes ?? Number.POSITIVE_INFINITY,
        bufferBytes: settings.limits.bufferBytes,
        collectsUnknown: false,
        informed: undefined,
        wasReset: () => false,
        began: () => undefined,
        ended: () => void client.destroy(),
        upgraded(status, received, upstream) {
          joined.add(socket);
          socket.once("close", () => {
            joined.delete(socket);
            void client.destroy();
          });
          join(socket, upstream, settings.webSocketIdleTimeoutMs, toHead(status, received), head);
          resolve(undefined);
        },
      });
      const leave = (): void => exchange.abort(new HotpathError("HP_UNAVAILABLE", "The client left."));
      request.signal.addEventListener("abort", leave, { once: true });
      try {
        client.dispatch({ method, path, headers: headers as string[], upgrade: "websocket", body: null }, exchange);
        return await Promise.race([promise, exchange.reply]);
      } finally {
        request.signal.removeEventListener("abort", leave);
      }
    },
    close() {
      for (const socket of joined) socket.destroy();
    },
  };
}

/** Tells the client of the switch and passes bytes both ways until one side ends; silence for `idleMs` ends both. */
function join(
  client: Duplex & { setTimeout?(ms: number): void },
  upstream: Duplex,
  idleMs: number,
  replyHead: string,
  head: Buffer,
): void {
  const end = (): void => {
    client.destroy();
    upstream.destroy();
  };
  for (const side of [client, upstream]) side.on("error", end).once("close", end);
  if (client.destroyed) {
    upstream.destroy();
    return;
  }
  client.write(replyHead, "latin1");
  if (head.length > 0) upstream.write(head);
  // Bytes of either direction pass the client's socket, so its clock is enough.
  client.once("timeout", end);
  client.setTimeout?.(idleMs);
  client.pipe(upstream);
  upstream.pipe(client);
}

/** The head that tells the client of the switch. */
function toHead(status: number, headers: IncomingHttpHeaders): string {
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`, "connection: Upgrade", "upgrade: websocket"];
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || isHopByHop(name) || name === "content-length") continue;
    for (const each of Array.isArray(value) ? value : [value]) lines.push(`${name}: ${each}`);
  }
  return `${lines.join("\r\n")}\r\n\r\n`;
}
