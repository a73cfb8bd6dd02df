import type { Call } from "../pool/call.ts";
import type { Gathered } from "./queue.ts";
import type { BatchShape } from "./shape.ts";

/** Calls that share a statement. */
export class Batch {
  readonly shape: BatchShape;
  readonly calls: readonly Call[];
  readonly #places: readonly number[];
  readonly distinct: readonly Call[];
  /** Its calls have been sent again; what it answers concerns nobody. */
  isBroken = false;

  constructor(shape: BatchShape, { calls, places, distinct }: Gathered) {
    this.shape = shape;
    this.calls = calls;
    this.#places = places;
    this.distinct = distinct;
  }

  /** It answers different values, so that its calls can be to blame for each other's trouble. */
  get isMerged(): boolean {
    return this.distinct.length > 1;
  }

  /** All of its callers have left. */
  get isDeserted(): boolean {
    return this.calls.every((call) => call.isSettled);
  }

  /** The call whose values are at this place among `distinct`. */
  placeOf(index: number): number {
    return this.#places[index] ?? 0;
  }

  fail(reason: unknown): void {
    for (const call of this.calls) call.fail(reason);
  }
}
