import type { Pool } from "../pool/index.ts";
import { committedPosition } from "./committed-position.ts";
import { consistencyOf, needOf } from "./need.ts";
import type { Position } from "./position.ts";
import { COMMITTED } from "./probe.ts";
import type { Router } from "./router.ts";
import { createStickyWindow } from "./sticky.ts";
import { formatToken } from "./token.ts";

export interface SoleRouterOptions {
  readonly url: string;
  /** Positions matter although there are no replicas: to a cache in front that may be behind. */
  readonly tracksPositions: boolean;
  readonly stickyMs: number | null;
}

/** The router of a database without replicas: everything goes to its one pool, and nothing is watched. */
export function createSoleRouter(pool: Pool, { url, tracksPositions, stickyMs }: SoleRouterOptions): Router {
  const sticky = stickyMs === null ? undefined : createStickyWindow(stickyMs);
  let last: Position | undefined;

  async function readAndTell<T>(attempt: (pool: Pool) => Promise<T>, seen: (token: string) => void): Promise<T> {
    const result = await attempt(pool);
    const [position] = await pool.run([COMMITTED]);
    last = committedPosition(position, last) ?? last;
    if (last !== undefined) seen(formatToken(last));
    return result;
  }

  return {
    tracksPositions,
    hasReplicas: false,
    start: () => pool.start(),
    isFollowed: (request) => tracksPositions && consistencyOf(request.headers) === "monotonic",
    needOf: (request) => (tracksPositions ? (needOf(request) ?? sticky?.find(request)) : undefined),
    read(_need, attempt, seen) {
      return seen === undefined ? attempt(pool) : readAndTell(attempt, seen);
    },
    write: (attempt) => attempt(pool),
    committed(request, end) {
      const position = committedPosition(end, last);
      if (position === undefined) return undefined;
      last = position;
      sticky?.wrote(request, position);
      return formatToken(position);
    },
    catalog: (read) => read(pool),
    primaryUrl: url,
    onMove: () => undefined,
    listen: (channel, onNotify, onListening) => pool.listen(channel, onNotify, onListening),
    isReachable: () => pool.isReachable(),
    isSaturated: () => pool.isSaturated(),
    close: () => pool.close(),
  };
}
