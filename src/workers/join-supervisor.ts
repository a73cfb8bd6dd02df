import type { Socket } from "node:net";
import { performance } from "node:perf_hooks";
import type { NodeListener } from "../cache/node-link.ts";
import type { PurgeSelector } from "../cache/store.ts";
import { HotpathError } from "../errors.ts";
import type { WorkerLink } from "./link.ts";
import type { CountAnswer, CountAsk, FromWorker, Question, ToWorker } from "./messages.ts";
import type { ToldFamily } from "./told-metrics.ts";

/** The worker's side of the channel, with what only the worker's own life is about. */
export interface JoinedLink extends WorkerLink {
  /** Requests are answered from now on. */
  ready(announcement: string): void;
  /** This worker is to close, as somebody else than the supervisor says. */
  leaving(): void;
  /** This worker has closed. Resolves when that is told. */
  farewell(metrics: readonly ToldFamily[]): Promise<void>;
  /** Settles when the worker is to close, or the supervisor is gone. */
  readonly left: Promise<void>;
  onReload(reload: () => void): void;
  onShed(shed: (connections: number) => void): void;
  /** Ends what would keep the process alive. */
  leave(): void;
}

type Welcome = Extract<ToWorker, { kind: "welcome" }>;

/** A supervisor that is alive answers at once. */
const WELCOME_TIMEOUT_MS = 30_000;
const LEASE_TIMEOUT_MS = 2000;
const BEAT_MS = 500;
const ENDED_MS = 20;

/**
 * Joins the supervisor that forked this process.
 *
 * @throws HotpathError HP_INTERNAL when it does not answer
 */
export async function joinSupervisor(): Promise<JoinedLink> {
  const welcome = Promise.withResolvers<Welcome>();
  const left = Promise.withResolvers<void>();
  const purging = new Map<number, () => void>();
  const holding = new Map<number, (isHeld: boolean) => void>();
  const counting = new Map<number, (answer: CountAnswer) => void>();
  const heard: NodeListener[] = [];
  const ended: number[] = [];
  let purged: ((selector: PurgeSelector) => void) | undefined;
  let taker: ((socket: Socket) => void) | undefined;
  let answerer: ((question: Question) => unknown) | undefined;
  let reload: (() => void) | undefined;
  let shed: ((connections: number) => void) | undefined;
  let outgoing: PurgeSelector[] = [];
  let asks: CountAsk[] = [];
  let number = 0;
  let purgeRound = 0;

  /** What was purged in one turn goes as one message. */
  const flushPurges = (): void => {
    if (outgoing.length === 0) return;
    send({ kind: "purge", number: purgeRound, selectors: outgoing });
    outgoing = [];
  };
  const flushAsks = (): void => {
    if (asks.length === 0) return;
    send({ kind: "count", asks });
    asks = [];
  };
  const ask = (question: CountAsk): void => {
    if (asks.push(question) === 1) setImmediate(flushAsks);
  };
  const take = (socket: Socket | undefined, connection: number): void => {
    if (socket === undefined) {
      // Its client was gone before it came here.
      send({ kind: "took", connection });
      send({ kind: "ended", connections: [connection] });
      return;
    }
    socket.once("close", () => {
      if (ended.push(connection) === 1) {
        setTimeout(() => send({ kind: "ended", connections: ended.splice(0) }), ENDED_MS).unref();
      }
    });
    socket.on("error", ignore);
    // Nothing may be read of it while the supervisor could still give it to another worker.
    send({ kind: "took", connection }, () => {
      socket.off("error", ignore);
      if (taker === undefined) socket.destroy();
      else taker(socket);
    });
  };
  const reply = async (asked: number, question: Question): Promise<void> => {
    try {
      send({ kind: "answer", number: asked, value: await answerer?.(question) });
    } catch (error) {
      send({ kind: "answer", number: asked, error: error instanceof Error ? error.message : String(error) });
    }
  };

  const listener = (message: ToWorker, socket: unknown): void => {
    switch (message.kind) {
      case "welcome":
        welcome.resolve(message);
        return;
      case "connection":
        take(socket as Socket | undefined, message.connection);
        return;
      case "purge":
        for (const selector of message.selectors) {
          purged?.(selector);
          const tags = selector.kind === "tags" ? selector.tags : undefined;
          if (selector.kind !== "key") for (const each of heard) each.purged(tags);
        }
        send({ kind: "purged", number: message.number });
        return;
      case "purged":
        purging.get(message.number)?.();
        purging.delete(message.number);
        return;
      case "told":
        for (const each of heard) each.told(message.topic, message.words);
        return;
      case "lost":
        for (const each of heard) each.lost();
        return;
      case "held":
        holding.get(message.number)?.(message.isHeld);
        holding.delete(message.number);
        return;
      case "counted":
        for (const answer of message.answers) {
          counting.get(answer.number)?.(answer);
          counting.delete(answer.number);
        }
        return;
      case "ask":
        void reply(message.number, message.question);
        return;
      case "reload":
        reload?.();
        return;
      case "shed":
        shed?.(message.connections);
        return;
      case "leave":
        left.resolve();
        return;
      default:
        message satisfies never;
    }
  };
  process.on("message", listener);
  process.once("disconnect", () => left.resolve());
  send({ kind: "hello" });
  const { slot, url, adminUrl } = await within(welcome.promise, WELCOME_TIMEOUT_MS, "the supervisor does not answer");
  let loop = performance.eventLoopUtilization();
  const beats = setInterval(() => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, loop);
    loop = now;
    send({ kind: "beat", utilization: Number.isNaN(utilization) ? 0 : utilization });
  }, BEAT_MS);

  return {
    slot,
    url,
    adminUrl,
    nodes: {
      async holdLease(name, ttlMs) {
        const held = Promise.withResolvers<boolean>();
        const own = ++number;
        holding.set(own, held.resolve);
        send({ kind: "hold", number: own, name, ttlMs });
        return within(held.promise, LEASE_TIMEOUT_MS, "the supervisor does not answer").finally(() =>
          holding.delete(own),
        );
      },
      yieldLease: async (name) => send({ kind: "yield", name }),
      async tell(topic, words) {
        flushPurges();
        send({ kind: "tell", topic, words });
        return process.connected;
      },
      listen: (each) => void heard.push(each),
    },
    purges: {
      tell(selector) {
        if (!process.connected) return Promise.resolve();
        if (outgoing.push(selector) === 1) {
          purgeRound++;
          queueMicrotask(flushPurges);
        }
        const own = purgeRound;
        const before = purging.get(own);
        return new Promise((resolve) => {
          purging.set(own, () => {
            before?.();
            resolve();
          });
        });
      },
      listen(each) {
        purged = each;
      },
    },
    count(question, timeoutMs) {
      const counted = Promise.withResolvers<CountAnswer>();
      const own = ++number;
      counting.set(own, counted.resolve);
      ask({ ...question, number: own });
      return within(counted.promise, timeoutMs, "the supervisor does not count").finally(() => counting.delete(own));
    },
    charge: ask,
    take(each) {
      taker = each;
    },
    answer(each) {
      answerer = each;
    },
    ready: (announcement) => send({ kind: "ready", announcement }),
    leaving: () => send({ kind: "leaving" }),
    farewell: (metrics) => new Promise((resolve) => send({ kind: "farewell", metrics }, resolve)),
    left: left.promise,
    onReload(each) {
      reload = each;
    },
    onShed(each) {
      shed = each;
    },
    leave() {
      clearInterval(beats);
      process.off("message", listener);
    },
  };
}

function send(message: FromWorker, sent?: () => void): void {
  // Once the channel is closed this process ends anyway.
  if (process.connected) process.send?.(message, undefined, undefined, () => sent?.());
  else sent?.();
}

async function within<T>(promise: Promise<T>, limitMs: number, words: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new HotpathError("HP_INTERNAL", words)), limitMs);
  return Promise.race([promise, late.promise]).finally(() => clearTimeout(timer));
}

function ignore(): void {}
