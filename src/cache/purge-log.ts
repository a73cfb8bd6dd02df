import type { PurgeSelector, StoredReply } from "./store.ts";

/**
 * Which purges happened when, so that a reply asked for before a purge is not stored after it: it may hold what the
 * purge was to remove.
 *
 * Bounded: beyond `maxNames` keys and tags the oldest are forgotten, and every reply asked for before the last
 * forgotten purge counts as purged. It errs on the safe side only.
 */
export interface PurgeLog {
  record(selector: PurgeSelector, atMs: number): void;
  /** Whether a purge since `sinceMs` (default: when the reply was asked for) removes it. A purge of that very moment does not. */
  isPurged(key: string, reply: StoredReply, sinceMs?: number): boolean;
}

/** An empty log of at most `maxNames` names (default 10,000). */
export function createPurgeLog(maxNames: number = DEFAULT_MAX_NAMES): PurgeLog {
  const times = new Map<string, number>();
  // One iterator for good, which follows insertions: a new one would step over every name deleted at the front.
  const inOrder = times.keys();
  let allUntilMs = 0;

  function note(name: string, atMs: number): void {
    times.delete(name);
    times.set(name, atMs);
    if (times.size <= maxNames) return;
    for (let next = inOrder.next(); !next.done; next = inOrder.next()) {
      const forgotten = times.get(next.value);
      if (forgotten === undefined) continue;
      allUntilMs = Math.max(allUntilMs, forgotten);
      times.delete(next.value);
      return;
    }
  }

  return {
    record(selector, atMs) {
      if (selector.kind === "all") allUntilMs = Math.max(allUntilMs, atMs);
      else if (selector.kind === "key") note(KEY_MARK + selector.key, atMs);
      else for (const tag of selector.tags) note(TAG_MARK + tag, atMs);
    },
    isPurged(key, reply, sinceMs = reply.requestedAtMs) {
      if (allUntilMs > sinceMs) return true;
      if (times.size === 0) return false;
      if ((times.get(KEY_MARK + key) ?? 0) > sinceMs) return true;
      return reply.tags.some((tag) => (times.get(TAG_MARK + tag) ?? 0) > sinceMs);
    },
  };
}

const DEFAULT_MAX_NAMES = 10_000;
const KEY_MARK = "k";
const TAG_MARK = "t";
