/**
 * How many reads of one shape may share a statement.
 *
 * It doubles while statements with as many are quick, and halves where they hold their members up. After a statement
 * that failed or was too slow the shape's reads go alone for a while, twice as long each time: whatever is wrong with one of
 * them would be paid for by all.
 */
export class BatchLimit {
  readonly #most: number;
  #size: number;
  #pausedUntil = 0;
  #pauseMs = 0;
  #clean = 0;
  #asked = 0;

  /** @param most what the settings allow. */
  constructor(most: number) {
    this.#most = most;
    this.#size = Math.min(most, FIRST_SIZE);
  }

  /** For the next statement. 1: not now, or to see again how long a read alone takes. */
  next(now: number): number {
    if (now < this.#pausedUntil || ++this.#asked % SAMPLED === 0) return 1;
    return this.#size;
  }

  /** @param aloneMs what one such read takes by itself. */
  succeeded(size: number, elapsedMs: number, aloneMs: number): void {
    const allowedMs = Math.max(SMOOTH_MS, 2 * aloneMs);
    if (elapsedMs > allowedMs) this.#size = Math.max(2, this.#size >> 1);
    else if (size >= this.#size) this.#size = Math.min(this.#most, this.#size * 2);
    if (this.#pauseMs > 0 && ++this.#clean >= FORGIVEN_AFTER) {
      this.#pauseMs >>= 1;
      this.#clean = 0;
    }
  }

  troubled(now: number): void {
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, this.#pauseMs * 2));
    this.#pausedUntil = now + this.#pauseMs;
    this.#size = Math.min(this.#size, FIRST_SIZE);
    this.#clean = 0;
  }
}

const FIRST_SIZE = 8;
/** One statement in so many is for a single read, so that there is something to compare with. */
const SAMPLED = 16;
/** Nobody notices waiting for so long with others, and beyond it sharing saves little more. */
const SMOOTH_MS = 2;
const SHORTEST_PAUSE_MS = 64;
const LONGEST_PAUSE_MS = 16_384;
/** Statements without trouble that halve the next pause. */
const FORGIVEN_AFTER = 32;
