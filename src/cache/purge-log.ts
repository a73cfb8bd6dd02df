import { Generations } from "./generations.ts";
import type { PurgeSelector, StoredReply } from "./store.ts";

/**
 * Which purges happened when, so that a reply asked for before a purge is not stored after it: it may hold what the
 * purge was to remove.
 *
 * Bounded: at least the last half of `maxNames` keys and tags are known, and every reply asked for before the last
 * forgotten purge counts as purged. It errs on the safe side only.
 */
export interface PurgeLog {
  record(selector: PurgeSelector, atMs: number): void;
  /** Whether a purge since `sinceMs` (default: when the reply was asked for) removes it. A purge of that very moment does not. */
  isPurged(key: string, reply: StoredReply, sinceMs?: number): boolean;
}

/** An empty log of at most `maxNames` names (default 20,000). */
export function createPurgeLog(maxNames: number = DEFAULT_MAX_NAMES): PurgeLog {
  let allUntilMs = 0;
  const times = new Generations<number>(maxNames / 2, (forgotten) => {
    for (const atMs of forgotten) allUntilMs = Math.max(allUntilMs, atMs);
  });

  return {
    record(selector, atMs) {
      if (selector.kind === "all") allUntilMs = Math.max(allUntilMs, atMs);
      else if (selector.kind === "key") times.set(KEY_MARK + selector.key, atMs);
      else for (const tag of selector.tags) times.set(TAG_MARK + tag, atMs);
    },
    isPurged(key, reply, sinceMs = reply.requestedAtMs) {
      if (allUntilMs > sinceMs) return true;
      if (times.isEmpty) return false;
      if ((times.get(KEY_MARK + key) ?? 0) > sinceMs) return true;
      return reply.tags.some((tag) => (times.get(TAG_MARK + tag) ?? 0) > sinceMs);
    },
  };
}

const DEFAULT_MAX_NAMES = 20_000;
const KEY_MARK = "k";
const TAG_MARK = "t";
