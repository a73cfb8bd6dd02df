import type { NodeLink } from "../node-link.ts";
import { withTimeout } from "../tiers/timeout.ts";
import type { RedisLink } from "./link.ts";
import { formatMessage } from "./messages.ts";
import { HOLD, YIELD } from "./scripts.ts";

export interface RedisNodeLinkOptions {
  readonly link: RedisLink;
  /** For one answer of Redis. */
  readonly timeoutMs: number;
  /** Whether every purge of this node has reached Redis. */
  readonly isSettled: () => boolean;
}

/** Nodes that share a Redis. What is told travels behind the purges, on the same connection and channel. */
export function createRedisNodeLink({ link, timeoutMs, isSettled }: RedisNodeLinkOptions): NodeLink {
  const { keys, connection, id } = link;
  return {
    async holdLease(name, ttlMs) {
      const answer = link.run(HOLD, [keys.lease(name)], [id, String(Math.ceil(ttlMs))]);
      return Number(await withTimeout(answer, timeoutMs)) === 1;
    },
    async yieldLease(name) {
      await withTimeout(link.run(YIELD, [keys.lease(name)], [id]), timeoutMs).catch(() => undefined);
    },
    async tell(topic, words) {
      if (!isSettled()) return false;
      const message = formatMessage(id, "told", [topic, ...words]);
      return withTimeout(connection.send(keys.purgeNumber, ["PUBLISH", keys.channel, message]), timeoutMs).then(
        () => true,
        () => false,
      );
    },
    listen(listener) {
      link.listen({
        message(message) {
          if (message.kind === "told") listener.told(message.topic, message.words);
          else if (message.kind === "purged" && message.selector.kind !== "key") {
            listener.purged(message.selector.kind === "tags" ? message.selector.tags : undefined);
          }
        },
        lost: () => listener.lost(),
        // What was purged meanwhile is not known.
        restored: () => listener.purged(undefined),
      });
    },
  };
}
