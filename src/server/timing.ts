import type { Timing } from "../api/source-request.ts";

/** Where a request's time goes, phase by phase, for the client's own tools (Server-Timing, W3C). */
export class RequestTiming implements Timing {
  readonly #phases = new Map<string, number>();
  #since: number;
  #isResolving = false;

  constructor(startedAt: number) {
    this.#since = startedAt;
  }

  mark(phase: string): void {
    const now = performance.now();
    this.#phases.set(phase, (this.#phases.get(phase) ?? 0) + now - this.#since);
    this.#since = now;
    this.#isResolving = false;
  }

  /** From here on a source works, which may have phases of its own. */
  resolving(): void {
    this.#isResolving = true;
  }

  /** It has answered: what it did without naming it is one phase. */
  resolved(): void {
    if (this.#isResolving) this.mark("resolve");
  }

  /** The field's value. */
  toString(): string {
    return [...this.#phases].map(([phase, milliseconds]) => `${phase};dur=${milliseconds.toFixed(1)}`).join(", ");
  }
}
