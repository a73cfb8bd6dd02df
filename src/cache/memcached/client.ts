// Memcached's meta commands (memcached 1.6 and later, doc/protocol.txt), as far as a cache needs them. Why no package: docs/decisions.md.
import { connect, type Socket } from "node:net";
import { createReplyParser, type MetaReply } from "./reply-parser.ts";

/** One connection to one server. What is sent in one turn of the event loop leaves in one write. */
export interface MemcachedClient {
  /** The reply to one command; `data` is what follows the command's line. Rejects when it cannot be had. */
  send(line: string, data?: Buffer): Promise<MetaReply>;
  /** Resolves when it is connected, `false` when the time is over before. */
  ready(timeoutMs: number): Promise<boolean>;
  close(): void;
}

export interface MemcachedAddress {
  readonly host: string;
  readonly port: number;
}

interface Waiting {
  readonly resolve: (reply: MetaReply) => void;
  readonly reject: (error: Error) => void;
}

/** Commands waiting for a reply at most; more are refused. */
const MOST_WAITING = 10_000;
const LEAST_PAUSE_MS = 25;
const MOST_PAUSE_MS = 1000;

/** Connects, and again after each loss, after ever longer pauses of up to a second. */
export function createMemcachedClient(
  address: MemcachedAddress,
  { silenceTimeoutMs, report }: { readonly silenceTimeoutMs: number; readonly report: (error: Error) => void },
): MemcachedClient {
  let socket: Socket | undefined;
  let isConnected = false;
  let isClosed = false;
  let isReported = false;
  let attempt = 0;
  let timer: NodeJS.Timeout | undefined;
  let waiting: Waiting[] = [];
  const watchers = new Set<(isUp: boolean) => void>();

  function open(): void {
    const parser = createReplyParser((reply) => waiting.shift()?.resolve(reply));
    const opened = connect({ ...address, noDelay: true, keepAlive: true });
    socket = opened;
    let failure = new Error("Memcached closed the connection.");
    opened.setTimeout(silenceTimeoutMs, () => {
      // An idle connection is silent by right; one that owes a reply is dead.
      if (waiting.length > 0 || !isConnected) opened.destroy(new Error("Memcached does not answer."));
    });
    opened.on("connect", () => {
      isConnected = true;
      isReported = false;
      attempt = 0;
      for (const tell of watchers) tell(true);
    });
    opened.on("data", (chunk: Buffer) => {
      if (!parser.write(chunk)) opened.destroy(new Error("Memcached answered what is no reply."));
    });
    opened.on("error", (error) => (failure = error));
    opened.on("close", () => lose(failure));
  }

  function lose(error: Error): void {
    isConnected = false;
    const owed = waiting;
    waiting = [];
    for (const { reject } of owed) reject(error);
    if (isClosed) return;
    if (!isReported) report(error);
    isReported = true;
    const pauseMs = attempt === 0 ? 0 : Math.min(MOST_PAUSE_MS, LEAST_PAUSE_MS * 2 ** attempt);
    attempt++;
    timer = setTimeout(open, pauseMs * (0.5 + Math.random() / 2)).unref();
  }

  open();
  return {
    send(line, data) {
      return new Promise((resolve, reject) => {
        if (socket === undefined || !isConnected) return reject(new Error("Memcached is not connected."));
        if (waiting.length >= MOST_WAITING) return reject(new Error("Memcached has too much to answer."));
        waiting.push({ resolve, reject });
        const target = socket;
        if (!target.writableCorked) {
          target.cork();
          process.nextTick(() => target.uncork());
        }
        target.write(`${line}\r\n`, "latin1");
        if (data !== undefined) {
          target.write(data);
          target.write("\r\n");
        }
      });
    },
    async ready(timeoutMs) {
      if (isConnected) return true;
      return new Promise((resolve) => {
        const tell = (isUp: boolean): void => {
          clearTimeout(limit);
          watchers.delete(tell);
          resolve(isUp);
        };
        const limit = setTimeout(() => tell(false), timeoutMs);
        watchers.add(tell);
      });
    },
    close() {
      isClosed = true;
      clearTimeout(timer);
      for (const tell of watchers) tell(false);
      socket?.destroy();
    },
  };
}
