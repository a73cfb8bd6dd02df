/** Which entries carry a tag. Holds nothing but entries that are stored, so their bound is its bound. */
export class TagIndex<Entry> {
  readonly #entries = new Map<string, Set<Entry>>();

  get size(): number {
    return this.#entries.size;
  }

  add(tags: Iterable<string>, entry: Entry): void {
    for (const tag of tags) {
      const entries = this.#entries.get(tag);
      if (entries === undefined) this.#entries.set(tag, new Set([entry]));
      else entries.add(entry);
    }
  }

  remove(tags: Iterable<string>, entry: Entry): void {
    for (const tag of tags) {
      const entries = this.#entries.get(tag);
      entries?.delete(entry);
      if (entries?.size === 0) this.#entries.delete(tag);
    }
  }

  /** The entries that carry one of the tags, each once; safe against removal while it is walked. */
  find(tags: readonly string[]): ReadonlySet<Entry> {
    const found = new Set<Entry>();
    for (const tag of tags) for (const entry of this.#entries.get(tag) ?? []) found.add(entry);
    return found;
  }

  clear(): void {
    this.#entries.clear();
  }
}
