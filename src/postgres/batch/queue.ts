import type { Call } from "../pool/call.ts";
import type { BatchShape } from "./shape.ts";

/** Calls of one shape and identity that may share a statement. */
export interface Gathered {
  readonly calls: readonly Call[];
  /** For each call, which of `distinct` has its values. */
  readonly places: readonly number[];
  readonly distinct: readonly Call[];
}

/** A shape's calls that wait for one pool, apart by whom they are for. */
export class BatchQueues {
  readonly #shape: BatchShape;
  /** Of calls that nothing precedes: nearly all, where there are no roles. */
  readonly #plain: BatchQueue;
  /** Of identities with calls that wait. */
  readonly #others = new Map<string, BatchQueue>();

  constructor(shape: BatchShape) {
    this.#shape = shape;
    this.#plain = new BatchQueue(shape, () => undefined);
  }

  /** @param identity whatever the commands before the last one depend on; empty: there are none */
  of(identity: string): BatchQueue {
    if (identity === "") return this.#plain;
    let queue = this.#others.get(identity);
    if (queue === undefined) {
      queue = new BatchQueue(this.#shape, () => this.#others.delete(identity));
      this.#others.set(identity, queue);
    }
    return queue;
  }
}

/** Calls of one shape and identity that wait. */
export class BatchQueue {
  readonly shape: BatchShape;
  readonly #emptied: () => void;
  #calls: Call[] = [];

  constructor(shape: BatchShape, emptied: () => void) {
    this.shape = shape;
    this.#emptied = emptied;
  }

  push(call: Call): void {
    call.queue = this;
    this.#calls.push(call);
  }

  /** How many wait. */
  get size(): number {
    return this.#calls.length;
  }

  /** Takes out a call that travels alone, or no longer waits. */
  remove(call: Call): void {
    const at = this.#calls.indexOf(call);
    if (at >= 0) this.#calls.splice(at, 1);
    call.queue = undefined;
    if (this.#calls.length === 0) this.#emptied();
  }

  /**
   * Takes out the first call and those that can be answered with it.
   *
   * @param most different values at most; calls with the same values are as many as there are.
   */
  take(first: Call, most: number): Gathered {
    const { shape } = this;
    const calls: Call[] = [];
    const places: number[] = [];
    const distinct: Call[] = [];
    const known = new Map<string, number>();
    const seen = Math.min(this.#calls.length, MOST_SEEN);
    let kept = 0;
    for (let at = 0; at < seen; at++) {
      const call = this.#calls[at];
      if (call === undefined) continue;
      const key = shape.keyOf(call);
      let place = known.get(key);
      if (place === undefined && (call === first || (distinct.length < most && shape.isPlausible(call)))) {
        place = distinct.push(call) - 1;
        known.set(key, place);
      }
      if (place === undefined) {
        this.#calls[kept++] = call;
      } else {
        calls.push(call);
        places.push(place);
        call.queue = undefined;
      }
    }
    this.#calls.splice(kept, seen - kept);
    if (this.#calls.length === 0) this.#emptied();
    return { calls, places, distinct };
  }
}

/** Calls that are looked through for one statement, so that a long line costs no more than a short one. */
const MOST_SEEN = 256;
