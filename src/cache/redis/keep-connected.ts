import type { RedisClientType } from "@redis/client";
import { withTimeout } from "../tiers/timeout.ts";

/** A connection that is opened again whenever it is lost. */
export interface KeptConnection {
  /** The client while it is connected. */
  current(): RedisClientType | undefined;
  /** Gives the connection up and opens another: its server is no longer the right one. */
  renew(): void;
  /** Resolves once connected; `false` when the time is over before that. */
  whenUp(timeoutMs: number): Promise<boolean>;
  close(): void;
}

export interface KeepOptions {
  /** Makes a client that is not connected yet and does not connect again by itself. Asked each time: the address may change. */
  readonly create: () => Promise<RedisClientType>;
  /** What is to be done on every new connection before it counts as up. */
  readonly prepare?: (client: RedisClientType) => Promise<void>;
  /** Called for every connection, before anybody gets it. */
  readonly up?: () => void;
  /** Called for every loss and every failed try, also one that fails after `prepare`. */
  readonly down?: () => void;
  /** For a connection, with all that `prepare` does. */
  readonly timeoutMs: number;
  /** Told once for each time the connection is lost or cannot be made for the first time. */
  readonly report: (error: unknown) => void;
}

/**
 * Connects, and connects again after each loss: at once, then after ever longer pauses of up to a second.
 *
 * node-redis reconnects by itself, too, but to one address, with commands of before and after mixed; here each
 * connection is one client, so that a loss is one moment and a sentinel is asked anew.
 */
export function keepConnected({ create, prepare, up, down, timeoutMs, report }: KeepOptions): KeptConnection {
  let client: RedisClientType | undefined;
  let attempt = 0;
  let isClosed = false;
  let isReported = false;
  let timer: NodeJS.Timeout | undefined;
  const waiting = new Set<(isUp: boolean) => void>();

  function lose(lost: RedisClientType, error: unknown): void {
    if (lost.isOpen) lost.destroy();
    if (client !== lost) return;
    client = undefined;
    down?.();
    retry(error);
  }

  function retry(error: unknown): void {
    if (isClosed) return;
    if (!isReported) report(error);
    isReported = true;
    const pauseMs = attempt === 0 ? 0 : Math.min(MOST_PAUSE_MS, LEAST_PAUSE_MS * 2 ** attempt);
    attempt++;
    timer = setTimeout(() => void connect(), pauseMs * (0.5 + Math.random() / 2)).unref();
  }

  async function connect(): Promise<void> {
    let opened: RedisClientType | undefined;
    try {
      opened = await withTimeout(create(), timeoutMs);
      const candidate = opened;
      let failure: unknown;
      candidate.on("error", (error: unknown) => {
        failure = error;
        lose(candidate, error);
      });
      candidate.on("end", () => lose(candidate, new Error("Redis closed the connection.")));
      await withTimeout(open(candidate), timeoutMs);
      if (failure !== undefined || !candidate.isReady) throw failure ?? new Error("Redis closed the connection.");
      if (isClosed) return candidate.destroy();
      up?.();
      client = candidate;
      attempt = 0;
      isReported = false;
      for (const tell of waiting) tell(true);
      waiting.clear();
    } catch (error) {
      if (opened?.isOpen) opened.destroy();
      down?.();
      retry(error);
    }
  }

  async function open(candidate: RedisClientType): Promise<void> {
    await candidate.connect();
    await prepare?.(candidate);
  }

  void connect();
  return {
    current: () => client,
    renew() {
      if (client !== undefined) lose(client, new Error("The server is no longer the right one."));
    },
    async whenUp(patienceMs) {
      if (client !== undefined) return true;
      return new Promise((resolve) => {
        const tell = (isUp: boolean): void => {
          clearTimeout(limit);
          waiting.delete(tell);
          resolve(isUp);
        };
        const limit = setTimeout(() => tell(false), patienceMs);
        waiting.add(tell);
      });
    },
    close() {
      isClosed = true;
      clearTimeout(timer);
      for (const tell of waiting) tell(false);
      const last = client;
      client = undefined;
      if (last?.isOpen) last.destroy();
    },
  };
}

const LEAST_PAUSE_MS = 25;
const MOST_PAUSE_MS = 1000;
