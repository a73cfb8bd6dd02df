import type { ReadNotes } from "../api/database.ts";

/** What was read for a reply, or for a value that is remembered: the tags by which it goes when that changes. */
export class Notes implements ReadNotes {
  readonly #tags = new Set<string>();
  readonly #coarse = new Set<string>();
  /** Those that want to know the same while something is worked out. */
  readonly #others = new Set<Notes>();
  #spoiled: string | undefined;

  read(tags: readonly string[], coarse: readonly string[]): void {
    for (const tag of tags) this.#tags.add(tag);
    for (const tag of coarse) this.#coarse.add(tag);
    for (const other of this.#others) other.read(tags, coarse);
  }

  spoiled(reason: string): void {
    this.#spoiled ??= reason;
    for (const other of this.#others) other.spoiled(reason);
  }

  /** Why what was made of it is not to be kept; undefined: it may be. */
  get problem(): string | undefined {
    return this.#spoiled;
  }

  /** As many tags as there may be, exact ones where they are few enough; undefined: there are too many of either kind. */
  tags(most: number): readonly string[] | undefined {
    const chosen = this.#tags.size <= most ? this.#tags : this.#coarse;
    return chosen.size <= most ? [...chosen] : undefined;
  }

  /** Runs work whose reads are noted apart, too. What others read for the same request meanwhile is noted with them: rather too much. */
  async apart<Value>(notes: Notes, work: () => Value | Promise<Value>): Promise<Value> {
    this.#others.add(notes);
    try {
      return await work();
    } finally {
      this.#others.delete(notes);
    }
  }
}

/** Tags that a stored reply has at most. */
export const MOST_TAGS = 128;
