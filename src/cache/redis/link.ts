import { randomUUID } from "node:crypto";
import { type ConnectionOptions, openRedis, type RedisConnection, type RedisText } from "./connection.ts";
import { createHeardNumbers, type HeardNumbers } from "./heard.ts";
import { keepConnected } from "./keep-connected.ts";
import { createRedisKeys, type RedisKeys } from "./keys.ts";
import { formatMessage, type NodeMessage, parseMessage } from "./messages.ts";
import { EPOCH, type RedisScript } from "./scripts.ts";

/** This node's link to Redis: commands one way, messages of the other nodes the other way. */
export interface RedisLink {
  /** Names this node in messages. */
  readonly id: string;
  readonly keys: RedisKeys;
  readonly connection: RedisConnection;
  readonly heard: HeardNumbers;
  /** The epoch, once it is known and for as long as messages arrive. */
  epoch(): number | undefined;
  /** This node began an epoch. */
  enter(epoch: number): void;
  run(script: RedisScript, keys: readonly string[], words: readonly RedisText[]): Promise<unknown>;
  listen(listener: LinkListener): void;
  ready(timeoutMs: number): Promise<boolean>;
  close(): Promise<void>;
}

/** Who is told what arrives. */
export interface LinkListener {
  message?(message: NodeMessage): void;
  lost?(): void;
  restored?(): void;
}

export interface LinkOptions extends ConnectionOptions {
  readonly prefix: string;
}

/** Opens both connections; resolves at once, whether or not Redis answers. */
export async function openLink(options: LinkOptions): Promise<RedisLink> {
  const id = randomUUID();
  const keys = createRedisKeys(options.prefix, options.target.kind === "cluster");
  const connection = await openRedis(options);
  const heard = createHeardNumbers();
  const listeners: LinkListener[] = [];
  let epoch: number | undefined;

  async function run(script: RedisScript, names: readonly string[], words: readonly RedisText[]): Promise<unknown> {
    const rest = [String(names.length), ...names, ...words];
    try {
      return await connection.send(names[0]!, ["EVALSHA", script.sha1, ...rest]);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error;
      return connection.send(names[0]!, ["EVAL", script.text, ...rest]);
    }
  }

  function hear(text: string): void {
    const message = parseMessage(text, id);
    if (message === undefined) return;
    if (message.kind === "own") {
      heard.note(message.number);
      return;
    }
    if (message.kind === "purged") {
      // The epoch that was entered already, when this node asked for it.
      const isKnown = message.selector.kind === "all" && epoch !== undefined && message.number <= epoch;
      if (message.selector.kind === "all" && epoch !== undefined) epoch = Math.max(epoch, message.number);
      // Told first: what is asked for from now on was asked for after the purge.
      if (!isKnown) for (const listener of listeners) listener.message?.(message);
      heard.note(message.number);
    } else for (const listener of listeners) listener.message?.(message);
  }

  // Subscribes first and asks for the state then, so that no purge falls between the two.
  const subscription = keepConnected({
    create: () => connection.createClient(),
    async prepare(client) {
      await client.subscribe(keys.channel, hear);
      if (!(await connection.whenUp(options.connectTimeoutMs))) throw new Error("Redis is not connected.");
      const message = formatMessage(id, "a");
      const state = await run(EPOCH, [keys.purgeNumber, keys.epoch], [keys.channel, message, "missing"]);
      // Given up meanwhile: nobody hears what this connection would bring.
      if (!client.isReady) throw new Error("Redis closed the connection.");
      const [number, current] = (state as unknown[]).map(Number);
      heard.forget();
      heard.note(number!);
      epoch = current!;
      for (const listener of listeners) listener.restored?.();
    },
    down() {
      if (epoch === undefined) return;
      epoch = undefined;
      heard.forget();
      for (const listener of listeners) listener.lost?.();
    },
    timeoutMs: options.connectTimeoutMs * 2,
    report: options.report,
  });

  return {
    id,
    keys,
    connection,
    heard,
    epoch: () => epoch,
    enter(next) {
      if (epoch !== undefined) epoch = Math.max(epoch, next);
    },
    run,
    listen: (listener) => void listeners.push(listener),
    ready: (timeoutMs) => subscription.whenUp(timeoutMs),
    async close() {
      subscription.close();
      await connection.close();
    },
  };
}
