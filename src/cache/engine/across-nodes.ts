import type { FlightLock } from "../flight-lock.ts";
import type { StoredReply } from "../store.ts";
import type { EngineContext, Exchange } from "./context.ts";

/** Whose turn it is to fetch, over all nodes: this node's, or nobody's any more since the reply is there. */
export interface Turn {
  /** What another node has stored meanwhile. */
  readonly found?: StoredReply;
  /** To be called when the fetch is over. Absent: there is no lock to give back. */
  readonly release?: () => void;
}

/**
 * Waits for the turn to fetch. When another node has fetched, its reply is looked for in the store; where it does not serve
 * the request, the lock is tried once more, and then the fetch goes on without.
 */
export async function takeTurn(
  { store, settings }: EngineContext,
  lock: FlightLock,
  { key }: Exchange,
  suits: (stored: StoredReply) => boolean,
): Promise<Turn> {
  const limits = { ttlMs: settings.unattendedMs, waitMs: settings.collapseWaitMs };
  for (const options of [{ ...limits, missedForMs: LOOKED_MS }, limits]) {
    const flight = await lock.acquire(key, options);
    if (flight.state === "unavailable") return {};
    if (flight.state === "held") return { release: () => void flight.release() };
    const found = (await store.get(key))?.find(suits);
    if (found !== undefined) return { found };
  }
  return {};
}

/** Looking in the store, which found nothing, began no longer ago. Too long costs a second look, too short a second fetch. */
const LOOKED_MS = 500;
