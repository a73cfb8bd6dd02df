/** Which entries carry a tag. Holds nothing but entries that are stored, so their bound is its bound. */
export class TagIndex<Entry extends object> {
  /** Most tags are carried by one entry, which needs no set. */
  readonly #entries = new Map<string, Entry | Carriers<Entry>>();

  get size(): number {
    return this.#entries.size;
  }

  add(tags: readonly string[], entry: Entry): void {
    for (const tag of tags) {
      const carriers = this.#entries.get(tag);
      if (carriers === undefined) this.#entries.set(tag, entry);
      else if (carriers instanceof Carriers) carriers.add(entry);
      else if (carriers !== entry) this.#entries.set(tag, new Carriers([carriers, entry]));
    }
  }

  remove(tags: readonly string[], entry: Entry): void {
    for (const tag of tags) {
      const carriers = this.#entries.get(tag);
      if (carriers instanceof Carriers) {
        carriers.delete(entry);
        if (carriers.size === 0) this.#entries.delete(tag);
      } else if (carriers === entry) this.#entries.delete(tag);
    }
  }

  /** The entries that carry one of the tags, each once; safe against removal while it is walked. */
  find(tags: readonly string[]): ReadonlySet<Entry> {
    let found: Set<Entry> | undefined;
    for (const tag of tags) {
      const carriers = this.#entries.get(tag);
      if (carriers === undefined) continue;
      found ??= new Set();
      if (carriers instanceof Carriers) for (const entry of carriers) found.add(entry);
      else found.add(carriers);
    }
    return found ?? NONE;
  }

  clear(): void {
    this.#entries.clear();
  }
}

const NONE: ReadonlySet<never> = new Set();

/** Told from an entry by its class. */
class Carriers<Entry> extends Set<Entry> {}
