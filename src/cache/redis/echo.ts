import { randomUUID } from "node:crypto";

/** Whether what this node sends by commands comes back to it as a message. */
export interface Echo {
  /** To be told what arrives on the node's own channel. */
  hear(text: string): void;
  /** Sends a word and waits for it. Rejects when it cannot be sent; `false` when it is not heard in time. */
  isHeard(): Promise<boolean>;
}

/**
 * Calls, and listens. Commands and messages come by connections of their own, maybe to different servers: one that was cut off from
 * the others answers pings, but tells of nobody's purges any more.
 */
export function createEcho(call: (word: string) => Promise<unknown>, timeoutMs: number): Echo {
  const waiting = new Map<string, (isHeard: boolean) => void>();
  return {
    hear: (text) => waiting.get(text)?.(true),
    async isHeard() {
      const word = randomUUID();
      const heard = Promise.withResolvers<boolean>();
      waiting.set(word, heard.resolve);
      let timer: NodeJS.Timeout | undefined;
      try {
        await call(word);
        timer = setTimeout(() => heard.resolve(false), timeoutMs).unref();
        return await heard.promise;
      } finally {
        clearTimeout(timer);
        waiting.delete(word);
      }
    },
  };
}
