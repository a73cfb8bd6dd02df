/**
 * Keys whose replies cannot be stored. Requests for them neither wait for each other nor lose their preconditions on the way.
 * A mark lasts a while only, and at most as many are kept as the bound says: the oldest go.
 */
export class Passes {
  readonly #until = new Map<string, number>();
  /** One iterator for good, which follows insertions: a new one would step over every key deleted at the front. */
  readonly #inOrder = this.#until.keys();

  has(key: string, nowMs: number): boolean {
    const until = this.#until.get(key);
    if (until === undefined) return false;
    if (until > nowMs) return true;
    this.#until.delete(key);
    return false;
  }

  add(key: string, nowMs: number): void {
    this.#until.delete(key);
    if (this.#until.size >= MOST_KEYS) {
      const oldest = this.#inOrder.next();
      if (!oldest.done) this.#until.delete(oldest.value);
    }
    this.#until.set(key, nowMs + LASTS_MS);
  }

  delete(key: string): void {
    if (this.#until.size > 0) this.#until.delete(key);
  }
}

const MOST_KEYS = 10_000;
const LASTS_MS = 120_000;
