import type { Pool } from "../pool/index.ts";
import type { Router } from "./router.ts";

/** The router of a database without replicas: everything goes to its one pool, and nothing is watched. */
export function createSoleRouter(pool: Pool): Router {
  return {
    tracksPositions: false,
    start: () => pool.start(),
    isFollowed: () => false,
    needOf: () => undefined,
    read: (_need, attempt) => attempt(pool),
    write: (attempt) => attempt(pool),
    committed: () => undefined,
    catalog: (read) => read(pool),
    demand: () => undefined,
    listen: (channel, onNotify, onReconnect) => pool.listen(channel, onNotify, onReconnect),
    isReachable: () => pool.isReachable(),
    close: () => pool.close(),
  };
}
