import type { RedisClientOptions, RedisClientType } from "@redis/client";
import { keepConnected } from "./keep-connected.ts";
import type { RedisTarget } from "./target.ts";

/** An argument of a command. */
export type RedisText = string | Buffer;

/** Commands to Redis, wherever a key lives. Rejects at once what cannot be sent. */
export interface RedisConnection {
  /** Sends one command about the name `key` in Redis. What is sent in one turn of the event loop leaves in one write. */
  send(key: string, words: readonly RedisText[]): Promise<unknown>;
  /** The same; texts of the reply come as buffers. */
  sendForBuffers(key: string, words: readonly RedisText[]): Promise<unknown>;
  /** A client for one more connection to a server that hears every message: not connected yet, never reconnecting. */
  createClient(): Promise<RedisClientType>;
  /** One function for each master, to send it commands that concern no key. */
  masters(): readonly ((words: readonly RedisText[]) => Promise<unknown>)[];
  whenUp(timeoutMs: number): Promise<boolean>;
  /** Another server may have become the master. */
  renew(): void;
  close(): Promise<void>;
}

export interface ConnectionOptions {
  readonly target: RedisTarget;
  /** For opening a connection. */
  readonly connectTimeoutMs: number;
  /** A connection on which nothing arrived for so long, pings included, is taken for dead. */
  readonly silenceTimeoutMs: number;
  readonly report: (error: unknown) => void;
}

/** Loads node-redis and begins to connect; resolves without waiting for the connection. */
export async function openRedis(options: ConnectionOptions): Promise<RedisConnection> {
  return options.target.kind === "cluster" ? openCluster(options, options.target.urls) : openSingle(options);
}

/** Commands waiting for their reply at most; more are refused. */
const MOST_WAITING_COMMANDS = 10_000;

function clientOptions({ connectTimeoutMs, silenceTimeoutMs }: ConnectionOptions): RedisClientOptions {
  return {
    RESP: 3,
    disableOfflineQueue: true,
    commandsQueueMaxLength: MOST_WAITING_COMMANDS,
    maintNotifications: "disabled",
    pingInterval: Math.ceil(silenceTimeoutMs / 3),
    // Whoever sends has a time of its own. The client's would make a signal for each command that lives until it is over, answered or not: half of what a
    // command costs.
    commandOptions: { timeout: 0 },
    socket: { connectTimeout: connectTimeoutMs, socketTimeout: silenceTimeoutMs, reconnectStrategy: false },
  };
}

async function openSingle(options: ConnectionOptions): Promise<RedisConnection> {
  const { createClient, RESP_TYPES } = await import("@redis/client");
  const buffers = { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } };
  const { target } = options;

  async function create(): Promise<RedisClientType> {
    const { socket, ...others } = clientOptions(options);
    if (target.kind !== "sentinel") {
      return createClient({ ...others, socket: { ...socket }, url: urlOf(target) }) as RedisClientType;
    }
    const { username, password, database } = target;
    const login = { ...(username && { username }), ...(password && { password }), ...(database && { database }) };
    const address = await findMaster(target);
    return createClient({ ...others, ...login, url: address, socket: { ...socket } }) as RedisClientType;
  }

  /** Asks one sentinel after the other where the master is. */
  async function findMaster({ urls, master }: Extract<RedisTarget, { kind: "sentinel" }>): Promise<string> {
    let failure: unknown = new Error(`No sentinel knows the master ${master}.`);
    for (const url of urls) {
      const sentinel = createClient({ ...clientOptions(options), url });
      // Also rejects what is under way; without a listener it would end the process.
      sentinel.on("error", (error: unknown) => (failure = error));
      try {
        await sentinel.connect();
        const address = await sentinel.sendCommand(["SENTINEL", "GET-MASTER-ADDR-BY-NAME", master]);
        if (Array.isArray(address)) return `${new URL(url).protocol}//${joinAddress(address.map(String))}`;
      } catch (error) {
        failure = error;
      } finally {
        if (sentinel.isOpen) sentinel.destroy();
      }
    }
    throw failure;
  }

  const kept = keepConnected({ create, timeoutMs: options.connectTimeoutMs, report: options.report });

  function send(words: readonly RedisText[], how?: typeof buffers): Promise<unknown> {
    const client = kept.current();
    if (client === undefined) return Promise.reject(new Error("Redis is not connected."));
    const sent = client.sendCommand(words, how);
    sent.catch(noticeReplica);
    return sent;
  }

  /** The master of before is a replica now: ask the sentinels again. */
  function noticeReplica(error: unknown): void {
    if (error instanceof Error && error.message.startsWith("READONLY")) kept.renew();
  }

  return {
    send: (_key, words) => send(words),
    sendForBuffers: (_key, words) => send(words, buffers),
    createClient: create,
    masters: () => [(words) => send(words)],
    whenUp: (timeoutMs) => kept.whenUp(timeoutMs),
    renew: () => kept.renew(),
    close() {
      kept.close();
      return Promise.resolve();
    },
  };
}

async function openCluster(options: ConnectionOptions, urls: readonly string[]): Promise<RedisConnection> {
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
  cluster.on("node-ready", () => (isReported = false));
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

function urlOf(target: RedisTarget): string {
  if (target.kind !== "single") throw new TypeError(`a ${target.kind} has no URL of its own`);
  return target.url;
}

function joinAddress([host = "", port = ""]: readonly string[]): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
