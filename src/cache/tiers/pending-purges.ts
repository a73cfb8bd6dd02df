import type { PurgeSelector } from "../store.ts";

/** Purges that the remote tier has not confirmed yet. They are tried again until it has. */
export interface PendingPurges {
  add(selector: PurgeSelector): void;
  /** Takes everything out, to be tried; what fails is added again. */
  take(): PurgeSelector[];
  readonly size: number;
}

/** None. Beyond `maxNames` keys and tags, one purge of everything stands for all of them. */
export function createPendingPurges(maxNames: number = DEFAULT_MAX_NAMES): PendingPurges {
  const keys = new Set<string>();
  const tags = new Set<string>();
  let isAll = false;

  function clear(): void {
    keys.clear();
    tags.clear();
    isAll = false;
  }

  return {
    add(selector) {
      if (isAll) return;
      if (selector.kind === "key") keys.add(selector.key);
      else if (selector.kind === "tags") for (const tag of selector.tags) tags.add(tag);
      if (selector.kind !== "all" && keys.size + tags.size <= maxNames) return;
      clear();
      isAll = true;
    },
    take() {
      const all: PurgeSelector[] = isAll ? [{ kind: "all" }] : [...keys].map((key) => ({ kind: "key", key }));
      if (tags.size > 0) all.push({ kind: "tags", tags: [...tags] });
      clear();
      return all;
    },
    get size() {
      return isAll ? 1 : keys.size + tags.size;
    },
  };
}

const DEFAULT_MAX_NAMES = 1000;
