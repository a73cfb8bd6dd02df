/** So many requests a second are followed in full, about. */
const FOLLOWED = 100;
const SECOND_MS = 1000;

/**
 * Chooses the requests that are followed in full: every one while they are few, and one of ever more when they are many, so that it costs
 * the same whatever the load. One that is chosen stands for as many as were passed over, so that sums stay right.
 *
 * The gap is random around its mean: a fixed one would see the same of two routes that clients ask by turns.
 */
export class Pace {
  readonly #random: () => number;
  #stride = 1;
  /** Requests until the next that is followed. */
  #gap = 1;
  /** Requests of this second, and those that may still be followed before the stride doubles. */
  #seen = 0;
  #left = FOLLOWED;
  #sinceMs = Number.NEGATIVE_INFINITY;
  #untilMs = Number.NEGATIVE_INFINITY;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** One of so many is followed now. */
  get stride(): number {
    return this.#stride;
  }

  /** Decides about a request: for how many it stands, 0 when it is not followed. */
  take(nowMs: number): number {
    if (nowMs >= this.#untilMs) this.#begin(nowMs);
    this.#seen++;
    if (--this.#gap > 0) return 0;
    const stride = this.#stride;
    // More come than in the second before.
    if (--this.#left === 0) {
      this.#stride *= 2;
      this.#left = FOLLOWED;
    }
    this.#gap = this.#draw();
    return stride;
  }

  /** A second is over: the next will have about as many requests. */
  #begin(nowMs: number): void {
    const seconds = Math.max(1, (nowMs - this.#sinceMs) / SECOND_MS);
    this.#stride = Math.max(1, Math.ceil(this.#seen / seconds / FOLLOWED));
    this.#gap = this.#draw();
    this.#seen = 0;
    this.#left = FOLLOWED;
    this.#sinceMs = nowMs;
    this.#untilMs = nowMs + SECOND_MS;
  }

  #draw(): number {
    return this.#stride === 1 ? 1 : 1 + Math.floor(this.#random() * (2 * this.#stride - 1));
  }
}
