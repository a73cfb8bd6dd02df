import { ageMs, type Freshness } from "../../http/freshness.ts";
import type { StoredReply } from "../store.ts";

/**
 * Whether to refresh a fresh reply now, before it goes stale: XFetch (Vattani, Chierichetti, Lowenstein: Optimal Probabilistic Cache
 * Stampede Prevention, 2015). The nearer the end and the longer the reply took to fetch, the likelier; a key that is asked for often is so refreshed just
 * in time, by one request, and one that is asked for rarely is not.
 *
 * @param weight the paper's beta; 0: never.
 * @param random answers numbers between 0 and 1.
 */
export function isDueEarly(
  freshness: Freshness,
  stored: StoredReply,
  nowMs: number,
  weight: number,
  random: () => number,
): boolean {
  const leftMs = freshness.lifetimeMs - ageMs(freshness, nowMs);
  const scaleMs = Math.max(1, stored.receivedAtMs - stored.requestedAtMs) * weight;
  // Beyond this the chance is one in three thousand: not worth the logarithm.
  if (leftMs > scaleMs * 8) return false;
  return -Math.log(1 - random()) * scaleMs >= leftMs;
}
