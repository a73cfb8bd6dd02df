import { Generations } from "../../cache/generations.ts";
import type { Lsn } from "./lsn.ts";

/**
 * Where in the log each tag was changed last, so that a reply from a replica is not stored when the replica may have been behind a change that was
 * purged before: it would never be purged again.
 *
 * Bounded in bytes. What is changed longest ago is forgotten, and then counts for every tag: it errs on the safe side only.
 */
export class RecentChanges {
  readonly #changedAt: Generations<Lsn>;
  #floor: Lsn = 0;

  constructor(maxBytes: number = DEFAULT_MAX_BYTES) {
    const forgotten = (changes: Iterable<Lsn>): void => {
      for (const lsn of changes) this.noteAll(lsn);
    };
    this.#changedAt = new Generations(maxBytes / 2, forgotten, sizeOf);
  }

  /** Rows with these tags were changed by transactions that end before the position. */
  note(tags: readonly string[], lsn: Lsn): void {
    for (const tag of tags) this.#changedAt.set(tag, Math.max(this.#changedAt.get(tag) ?? 0, lsn));
  }

  /** Anything may have changed before the position. */
  noteAll(lsn: Lsn): void {
    this.#floor = Math.max(this.#floor, lsn);
  }

  /** Whether whoever has seen the log up to `seen` has seen every change of rows with these tags. */
  isSeen(tags: readonly string[], seen: Lsn): boolean {
    return seen >= this.#floor && tags.every((tag) => (this.#changedAt.get(tag) ?? 0) <= seen);
  }
}

const DEFAULT_MAX_BYTES = 4 * 1024 * 1024;
/** Slot of the map, string header, number. */
const TAG_BYTES = 80;

function sizeOf(tag: string): number {
  return TAG_BYTES + tag.length;
}
