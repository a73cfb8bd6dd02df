import type { RedisClientType } from "@redis/client";
import { clientOptions } from "./client-options.ts";
import type { ConnectionOptions, RedisConnection, RedisText } from "./connection.ts";
import { keepConnected } from "./keep-connected.ts";
import type { RedisTarget } from "./target.ts";

/** Opens a connection to one server, or to the one that the sentinels call the master. */
export async function openSingle(options: ConnectionOptions): Promise<RedisConnection> {
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

  let opened = 0;
  let listener: (() => void) | undefined;
  const kept = keepConnected({
    create,
    ...(target.kind === "sentinel" && { prepare: requireMaster }),
    up() {
      opened++;
      listener?.();
    },
    timeoutMs: options.connectTimeoutMs,
    report: options.report,
  });

  function send(words: readonly RedisText[], how?: typeof buffers): Promise<unknown> {
    const client = kept.current();
    if (client === undefined) return Promise.reject(new Error("Redis is not connected."));
    const sent = client.sendCommand(words, how);
    sent.catch(noticeReplica);
    return sent;
  }

  /** The master of before is a replica now, or was cut off from all of its replicas: ask the sentinels again. */
  function noticeReplica(error: unknown): void {
    if (error instanceof Error && /^(?:READONLY|NOREPLICAS)/.test(error.message)) kept.renew();
  }

  return {
    send: (_key, words) => send(words),
    sendForBuffers: (_key, words) => send(words, buffers),
    createClient: create,
    masters: () => [(words) => send(words)],
    whenUp: (timeoutMs) => kept.whenUp(timeoutMs),
    get opened() {
      return opened;
    },
    whenOpened: (next) => void (listener = next),
    renew: () => kept.renew(),
    close() {
      kept.close();
      return Promise.resolve();
    },
  };
}

/** Sentinels that have not heard of a fail-over yet name the old master, and a replica answers reads. */
async function requireMaster(client: RedisClientType): Promise<void> {
  const role = await client.sendCommand(["ROLE"]);
  if (!Array.isArray(role) || String(role[0]) !== "master")
    throw new Error("The sentinels name a server that is no master.");
}

function urlOf(target: RedisTarget): string {
  if (target.kind !== "single") throw new TypeError(`a ${target.kind} has no URL of its own`);
  return target.url;
}

function joinAddress([host = "", port = ""]: readonly string[]): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
