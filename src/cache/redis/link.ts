import { randomUUID } from "node:crypto";
import type { ConnectionOptions, RedisConnection, RedisText } from "./connection.ts";
import { createEcho } from "./echo.ts";
import { createHeardNumbers, type HeardNumbers } from "./heard.ts";
import { keepConnected } from "./keep-connected.ts";
import { createHome } from "./home.ts";
import { createRedisKeys, type RedisKeys } from "./keys.ts";
import { type NodeMessage, parseMessage } from "./messages.ts";
import { openRedis } from "./open-redis.ts";
import type { RedisScript } from "./scripts.ts";

/** This node's link to Redis: commands one way, messages of the other nodes the other way. */
export interface RedisLink {
  /** Names this node in messages. */
  readonly id: string;
  readonly keys: RedisKeys;
  readonly connection: RedisConnection;
  readonly heard: HeardNumbers;
  /** The epoch, once it is known and for as long as messages arrive. */
  epoch(): number | undefined;
  /** Begins an epoch; answers its number. */
  begin(): Promise<number>;
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
  const home = createHome(run, keys, id);
  const echo = createEcho(
    (word) => connection.send(keys.purgeNumber, ["PUBLISH", keys.ownChannel(id), word]),
    options.connectTimeoutMs,
  );
  let epoch: number | undefined;
  /** Also while none is in force. */
  let newest = 0;

  function enter(next: number): void {
    newest = Math.max(newest, next);
    if (epoch !== undefined) epoch = newest;
  }

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
      if (message.selector.kind === "all") enter(message.number);
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
      await client.subscribe(keys.ownChannel(id), (word) => echo.hear(word));
      if (!(await connection.whenUp(options.connectTimeoutMs))) throw new Error("Redis is not connected.");
      const { opened } = connection;
      const state = await home.settle(newest);
      if (!(await echo.isHeard())) throw new Error("Messages come from another server than answers.");
      // Given up meanwhile: nobody hears what this connection would bring, or nobody knows what the server of another has lost.
      if (!client.isReady || connection.opened !== opened) throw new Error("Redis closed the connection.");
      heard.forget();
      heard.note(state.number);
      newest = Math.max(newest, state.epoch);
      epoch = newest;
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
  // Whoever answers from now on may have lost purges: nothing is read until that is known.
  connection.whenOpened(() => subscription.renew());

  let isListening = false;
  const watch = setInterval(() => void listenIn(), options.silenceTimeoutMs / 2).unref();

  /** A server that was cut off from the others is as silent as one where nothing happens. */
  async function listenIn(): Promise<void> {
    if (isListening || epoch === undefined) return;
    isListening = true;
    const client = subscription.current();
    const isHeard = await echo.isHeard().catch(() => true);
    isListening = false;
    if (!isHeard && subscription.current() === client) subscription.renew();
  }

  return {
    id,
    keys,
    connection,
    heard,
    epoch: () => epoch,
    async begin() {
      const state = await home.begin(newest);
      enter(state.epoch);
      heard.note(state.number);
      return state.epoch;
    },
    run,
    listen: (listener) => void listeners.push(listener),
    ready: (timeoutMs) => subscription.whenUp(timeoutMs),
    async close() {
      clearInterval(watch);
      subscription.close();
      await connection.close();
    },
  };
}
