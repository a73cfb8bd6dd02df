import type { PurgeSelector } from "./store.ts";

/**
 * Which purges happened when, so that a reply asked for before a purge is not stored after it: it may hold what the
 * purge was to remove.
 *
 * Bounded: at least the last half of `maxNames` keys and tags are known, and every reply asked for before the last
 * forgotten purge counts as purged. It errs on the safe side only.
 */
export interface PurgeLog {
  record(selector: PurgeSelector, atMs: number): void;
  /** Whether a purge since then removes what has this key and these tags. A purge of that very moment does not. */
  isPurged(key: string, tags: readonly string[], sinceMs: number): boolean;
}

/**
 * An empty log of at most `maxNames` names (default 20,000). Moments may be counted in anything that only grows.
 *
 * Purges are kept as they came, not by name: most are never asked about, and whoever asks mostly asks about the last few.
 */
export function createPurgeLog(maxNames: number = DEFAULT_MAX_NAMES): PurgeLog {
  let young: Purge[] = [];
  let old: Purge[] = [];
  let youngNames = 0;
  /** Everything from before counts as purged. */
  let allUntilMs = 0;
  let lastMs = 0;

  function turn(): void {
    allUntilMs = Math.max(allUntilMs, old.at(-1)?.atMs ?? 0);
    old = young;
    young = [];
    youngNames = 0;
  }

  return {
    record(selector, atMs) {
      // A clock that is set back must not hide what came before.
      lastMs = Math.max(lastMs, atMs);
      if (selector.kind === "all") {
        allUntilMs = lastMs;
        return;
      }
      const names = selector.kind === "key" ? 1 : selector.tags.length;
      if (youngNames > 0 && youngNames + names > maxNames / 2) turn();
      young.push({ selector, atMs: lastMs });
      youngNames += names;
    },
    isPurged(key, tags, sinceMs) {
      if (allUntilMs > sinceMs) return true;
      if (lastMs <= sinceMs) return false;
      const hasTag = memberOf(tags);
      return isAmong(young, key, hasTag, sinceMs) || isAmong(old, key, hasTag, sinceMs);
    },
  };
}

const DEFAULT_MAX_NAMES = 20_000;
/** So many are found quicker one by one. */
const FEW_TAGS = 8;

interface Purge {
  readonly selector: Exclude<PurgeSelector, { kind: "all" }>;
  readonly atMs: number;
}

function isAmong(purges: readonly Purge[], key: string, hasTag: (tag: string) => boolean, sinceMs: number): boolean {
  for (let index = purges.length - 1; index >= 0; index--) {
    const { selector, atMs } = purges[index]!;
    if (atMs <= sinceMs) return false;
    if (selector.kind === "key" ? selector.key === key : selector.tags.some(hasTag)) return true;
  }
  return false;
}

function memberOf(tags: readonly string[]): (tag: string) => boolean {
  if (tags.length <= FEW_TAGS) return (tag) => tags.includes(tag);
  const set = new Set(tags);
  return (tag) => set.has(tag);
}
