import { Generations } from "../generations.ts";

/**
 * Keys whose replies cannot be stored. Requests for them neither wait for each other nor lose their preconditions on the way.
 * A mark lasts a while only, and at most as many are kept as the bound says: the oldest go.
 */
export class Passes {
  readonly #until = new Generations<number>(MOST_KEYS / 2);

  has(key: string, nowMs: number): boolean {
    const until = this.#until.get(key);
    if (until === undefined) return false;
    if (until > nowMs) return true;
    this.#until.delete(key);
    return false;
  }

  add(key: string, nowMs: number): void {
    this.#until.set(key, nowMs + LASTS_MS);
  }

  delete(key: string): void {
    if (!this.#until.isEmpty) this.#until.delete(key);
  }
}

const MOST_KEYS = 10_000;
const LASTS_MS = 120_000;
