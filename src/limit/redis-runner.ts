import { openRedis } from "../cache/redis/open-redis.ts";
import type { RedisTarget } from "../cache/redis/target.ts";
import type { RunScript } from "./redis-counter.ts";
import { createTimeLimit } from "./time-limit.ts";

/** A connection to Redis that runs scripts on single keys. */
export interface RedisRunner {
  readonly run: RunScript;
  /** Resolves when it is connected, `false` when the time is over before. */
  ready(timeoutMs: number): Promise<boolean>;
  close(): Promise<void>;
}

export interface RedisRunnerOptions {
  readonly target: RedisTarget;
  /** How long a decision is waited for. */
  readonly timeoutMs: number;
  readonly report: (error: unknown) => void;
}

/** Begins to connect; resolves without waiting for it. Calls of one turn of the event loop leave in one write. */
export async function openRedisRunner({ target, timeoutMs, report }: RedisRunnerOptions): Promise<RedisRunner> {
  const connection = await openRedis({ target, connectTimeoutMs: 2000, silenceTimeoutMs: 6000, report });
  const time = createTimeLimit(timeoutMs, () => new Error(`Redis did not answer within ${timeoutMs} ms.`));
  return {
    run({ text, sha1 }, key, words) {
      return time.limit(connection.send(key, ["EVALSHA", sha1, "1", key, ...words])).catch((error: unknown) => {
        if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error;
        return time.limit(connection.send(key, ["EVAL", text, "1", key, ...words]));
      });
    },
    ready: (forMs) => connection.whenUp(forMs),
    close: () => connection.close(),
  };
}
