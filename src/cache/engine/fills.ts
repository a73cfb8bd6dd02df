import type { PurgeSelector } from "../store.ts";

/** A reply under way into the cache. */
export interface Fill {
  /** Whether it may still be stored under these tags: no purge that it falls under has come since it was asked for. */
  isAllowed(tags: readonly string[]): boolean;
  end(): void;
}

/**
 * The fills under way. A purge that comes while a reply is being fetched must not be undone by storing what was read before it,
 * to the very message: times of whole milliseconds would leave a gap.
 */
export class Fills {
  readonly #active = new Set<ActiveFill>();

  begin(key: string): Fill {
    const fill = new ActiveFill(key, this.#active);
    this.#active.add(fill);
    return fill;
  }

  /** To be told of each purge, before the store is. */
  purged(selector: PurgeSelector): void {
    for (const fill of this.#active) fill.purged(selector);
  }
}

class ActiveFill implements Fill {
  readonly #key: string;
  readonly #active: Set<ActiveFill>;
  #isForbidden = false;
  #purgedTags: Set<string> | undefined;

  constructor(key: string, active: Set<ActiveFill>) {
    this.#key = key;
    this.#active = active;
  }

  purged(selector: PurgeSelector): void {
    if (selector.kind === "all" || (selector.kind === "key" && selector.key === this.#key)) this.#isForbidden = true;
    else if (selector.kind === "tags") {
      this.#purgedTags ??= new Set();
      for (const tag of selector.tags) this.#purgedTags.add(tag);
      // Nobody purges so many tags during one fetch but to purge nearly everything.
      if (this.#purgedTags.size > MOST_PURGED_TAGS) this.#isForbidden = true;
    }
  }

  isAllowed(tags: readonly string[]): boolean {
    if (this.#isForbidden) return false;
    const purged = this.#purgedTags;
    return purged === undefined || !tags.some((tag) => purged.has(tag));
  }

  end(): void {
    this.#active.delete(this);
  }
}

const MOST_PURGED_TAGS = 10_000;
