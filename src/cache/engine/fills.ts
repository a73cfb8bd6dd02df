import { createPurgeLog, type PurgeLog } from "../purge-log.ts";
import type { PurgeSelector } from "../store.ts";

/**
 * What has been purged while replies were under way into the cache. A purge that comes while a reply is being fetched must not be undone
 * by storing what was read before it, to the very message: times of whole milliseconds would leave a gap, so purges are counted.
 */
export class Fills {
  readonly #purges = createPurgeLog();
  #count = 0;

  begin(key: string): Fill {
    return new Fill(key, this.#purges, this.#count);
  }

  /** To be told of each purge, before the store is. */
  purged(selector: PurgeSelector): void {
    this.#purges.record(selector, ++this.#count);
  }
}

/** A reply under way into the cache. */
export class Fill {
  readonly #key: string;
  readonly #purges: PurgeLog;
  readonly #since: number;

  constructor(key: string, purges: PurgeLog, since: number) {
    this.#key = key;
    this.#purges = purges;
    this.#since = since;
  }

  /** Whether it may still be stored under these tags: no purge that it falls under has come since it was asked for. */
  isAllowed(tags: readonly string[]): boolean {
    return !this.#purges.isPurged(this.#key, tags, this.#since);
  }
}
