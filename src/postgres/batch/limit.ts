/**
 * How many reads of one shape may share a statement: as many as take no longer together than anybody minds waiting.
 *
 * What one read costs is the least seen of late, since everything above it is waiting for a processor, which sharing makes shorter
 * rather than longer. After a statement that failed or was too slow the shape's reads go alone for a while, twice as long each
 * time: whatever is wrong with one of them would be paid for by all.
 */
export class BatchLimit {
  readonly #most: number;
  #measured = 0;
  #costMs = 0;
  #usualMs = 0;
  #pausedUntil = 0;
  #pauseMs = 0;
  #clean = 0;

  /** @param most what the settings allow */
  constructor(most: number) {
    this.#most = most;
  }

  /** Learns from a statement that answered `size` reads. */
  measured(size: number, elapsedMs: number): void {
    const each = elapsedMs / size;
    this.#costMs = this.#measured === 0 ? each : Math.min(each, this.#costMs * FADING);
    this.#usualMs += (elapsedMs - this.#usualMs) / Math.min(++this.#measured, REMEMBERED);
    if (this.#pauseMs > 0 && ++this.#clean >= FORGIVEN_AFTER) {
      this.#pauseMs >>= 1;
      this.#clean = 0;
    }
  }

  /** Reads are so quick that nobody notices another's. */
  get isQuick(): boolean {
    return this.#measured >= LEAST_MEASURED && this.#costMs < QUICK_MS;
  }

  /** How long a statement of the shape takes, as a rule. */
  get usualMs(): number {
    return this.#usualMs;
  }

  /** For the next statement. 1: nothing is known yet, or not now. */
  sizeAt(now: number): number {
    if (this.#measured < LEAST_MEASURED || now < this.#pausedUntil) return 1;
    return Math.max(1, Math.min(this.#most, Math.floor(SMOOTH_MS / this.#costMs)));
  }

  troubled(now: number): void {
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, this.#pauseMs * 2));
    this.#pausedUntil = now + this.#pauseMs;
    this.#clean = 0;
  }
}

/** What is shared takes so long at most; beyond it little is saved. */
const SMOOTH_MS = 2;
const QUICK_MS = 0.5;
const LEAST_MEASURED = 8;
const REMEMBERED = 16;
/** The least cost seen counts double after 700 statements that did not come near it. */
const FADING = 1.001;
const SHORTEST_PAUSE_MS = 64;
const LONGEST_PAUSE_MS = 16_384;
/** Statements without trouble that halve the next pause. */
const FORGIVEN_AFTER = 32;
