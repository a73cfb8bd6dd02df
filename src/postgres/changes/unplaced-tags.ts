/**
 * Tags that were purged by changes of which it is not known yet where in the log they are: a reply from a replica with one of them may be older.
 * Bounded: beyond `maxTags` it may be any tag.
 */
export class UnplacedTags {
  readonly #maxTags: number;
  /** `undefined`: any tag. */
  #tags: Set<string> | undefined = new Set();

  constructor(maxTags: number = DEFAULT_MAX_TAGS) {
    this.#maxTags = maxTags;
  }

  /** `undefined`: any tag. */
  add(tags: readonly string[] | undefined): void {
    if (tags === undefined || this.#tags === undefined) this.#tags = undefined;
    else {
      for (const tag of tags) this.#tags.add(tag);
      if (this.#tags.size > this.#maxTags) this.#tags = undefined;
    }
  }

  hasAny(tags: readonly string[]): boolean {
    const own = this.#tags;
    return own === undefined || tags.some((tag) => own.has(tag));
  }

  /** Takes all of them out; `undefined`: any tag. */
  take(): readonly string[] | undefined {
    const taken = this.#tags;
    this.#tags = new Set();
    return taken && [...taken];
  }
}

const DEFAULT_MAX_TAGS = 10_000;
