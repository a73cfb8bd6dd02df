import { openCluster } from "./cluster-connection.ts";
import type { ConnectionOptions, RedisConnection } from "./connection.ts";
import { openSingle } from "./single-connection.ts";

/** Loads node-redis and begins to connect; resolves without waiting for the connection. */
export async function openRedis(options: ConnectionOptions): Promise<RedisConnection> {
  return options.target.kind === "cluster" ? openCluster(options, options.target.urls) : openSingle(options);
}
