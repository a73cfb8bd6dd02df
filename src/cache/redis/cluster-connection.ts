import type { RedisClientType } from "@redis/client";
import { clientOptions } from "./client-options.ts";
import type { ConnectionOptions, RedisConnection } from "./connection.ts";

/** Opens connections to all masters of a cluster. */
export async function openCluster(options: ConnectionOptions, urls: readonly string[]): Promise<RedisConnection> {
  const { createClient, createCluster, RESP_TYPES } = await import("@redis/client");
  const buffers = { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } };
  const { socket, ...others } = clientOptions(options);
  const { username, password, protocol } = new URL(urls[0]!);
  const login = {
    ...(username !== "" && { username: decodeURIComponent(username) }),
    ...(password !== "" && { password: decodeURIComponent(password) }),
  };
  const defaults = {
    ...others,
    ...login,
    socket: { ...socket, ...(protocol === "rediss:" && { tls: true as const }), reconnectStrategy },
  };
  const cluster = createCluster({
    RESP: 3,
    rootNodes: urls.map((url) => ({ url })),
    defaults,
    minimizeConnections: false,
  });
  // A node that is gone fails again with every try; one line for all of them.
  let isReported = false;
  function report(error: unknown): void {
    if (!isReported) options.report(error);
    isReported = true;
  }
  cluster.on("error", report);
  let opened = 0;
  let listener: (() => void) | undefined;
  cluster.on("node-ready", () => {
    isReported = false;
    opened++;
    listener?.();
  });
  let next = 0;
  let isClosed = false;
  let timer: NodeJS.Timeout | undefined;
  let connected: Promise<void> = connect();

  async function connect(): Promise<void> {
    try {
      await cluster.connect();
    } catch (error) {
      report(error);
      if (!isClosed) timer = setTimeout(() => void (connected = connect()), reconnectStrategy(5)).unref();
    }
  }

  return {
    send: (key, words) => cluster.sendCommand(key, false, [...words]),
    sendForBuffers: (key, words) => cluster.sendCommand(key, false, [...words], buffers),
    createClient() {
      // Messages reach every node of a cluster, so that any will do: the next one at each try.
      const addresses = cluster.masters.map((node) => `${protocol}//${node.address}`);
      const known = addresses.length > 0 ? addresses : urls;
      const url = known[next++ % known.length]!;
      return Promise.resolve(createClient({ ...others, ...login, url, socket: { ...socket } }) as RedisClientType);
    },
    masters: () =>
      cluster.masters.map((node) => async (words) => (await cluster.nodeClient(node)).sendCommand([...words])),
    async whenUp(timeoutMs) {
      await Promise.race([connected, new Promise((resolve) => setTimeout(resolve, timeoutMs).unref())]);
      return cluster.isOpen;
    },
    get opened() {
      return opened;
    },
    whenOpened: (next) => void (listener = next),
    renew() {},
    close() {
      isClosed = true;
      clearTimeout(timer);
      if (cluster.isOpen) cluster.destroy();
      return Promise.resolve();
    },
  };
}

function reconnectStrategy(retries: number): number {
  return Math.min(1000, 25 * 2 ** retries) * (0.5 + Math.random() / 2);
}
