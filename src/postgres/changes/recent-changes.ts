import type { Lsn } from "./lsn.ts";

/**
 * Where in the log each tag was changed last, so that a reply from a replica is not stored when the replica may have been behind a change that was
 * purged before: it would never be purged again.
 *
 * Bounded in bytes. What is changed longest ago is forgotten, and then counts for every tag: it errs on the safe side only.
 */
export class RecentChanges {
  readonly #maxBytes: number;
  readonly #changedAt = new Map<string, Lsn>();
  /** One iterator for good, which follows insertions: a new one would step over every tag deleted at the front. */
  readonly #inOrder = this.#changedAt.keys();
  #bytes = 0;
  #floor: Lsn = 0;

  constructor(maxBytes: number = DEFAULT_MAX_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** Rows with these tags were changed by transactions that end before the position. */
  note(tags: readonly string[], lsn: Lsn): void {
    for (const tag of tags) {
      const before = this.#changedAt.get(tag);
      if (before === undefined) this.#bytes += sizeOf(tag);
      else this.#changedAt.delete(tag);
      this.#changedAt.set(tag, Math.max(before ?? 0, lsn));
    }
    while (this.#bytes > this.#maxBytes) this.#forgetOldest();
  }

  /** Anything may have changed before the position. */
  noteAll(lsn: Lsn): void {
    this.#floor = Math.max(this.#floor, lsn);
  }

  /** Whether whoever has seen the log up to `seen` has seen every change of rows with these tags. */
  isSeen(tags: readonly string[], seen: Lsn): boolean {
    return seen >= this.#floor && tags.every((tag) => (this.#changedAt.get(tag) ?? 0) <= seen);
  }

  #forgetOldest(): void {
    for (let next = this.#inOrder.next(); !next.done; next = this.#inOrder.next()) {
      const lsn = this.#changedAt.get(next.value);
      if (lsn === undefined) continue;
      this.#changedAt.delete(next.value);
      this.#bytes -= sizeOf(next.value);
      this.noteAll(lsn);
      return;
    }
    this.#bytes = 0;
  }
}

const DEFAULT_MAX_BYTES = 4 * 1024 * 1024;
/** Slot of the map, string header, number. */
const TAG_BYTES = 80;

function sizeOf(tag: string): number {
  return TAG_BYTES + tag.length;
}
