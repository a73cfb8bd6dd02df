import type { RedisClientType } from "@redis/client";
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
  /** How often a connection was opened. Behind each new one there may be another server, or one that was started again. */
  readonly opened: number;
  /** Tells of each before anything is sent by it. */
  whenOpened(listener: () => void): void;
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
