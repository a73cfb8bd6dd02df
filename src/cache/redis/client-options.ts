import type { RedisClientOptions } from "@redis/client";
import type { ConnectionOptions } from "./connection.ts";

/** Commands waiting for their reply at most; more are refused. */
const MOST_WAITING_COMMANDS = 10_000;

/** What every client of node-redis is made with. */
export function clientOptions({ connectTimeoutMs, silenceTimeoutMs }: ConnectionOptions): RedisClientOptions {
  return {
    RESP: 3,
    disableOfflineQueue: true,
    commandsQueueMaxLength: MOST_WAITING_COMMANDS,
    maintNotifications: "disabled",
    pingInterval: Math.ceil(silenceTimeoutMs / 3),
    // Whoever sends has a time of its own. The client's would make a signal for each command that lives until it is over, answered or not: half of what a
    // command costs.
    commandOptions: { timeout: 0 },
    socket: { connectTimeout: connectTimeoutMs, socketTimeout: silenceTimeoutMs, reconnectStrategy: false },
  };
}
