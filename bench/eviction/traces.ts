/** A sequence of requests: which object each asks for. */
export type Trace = Uint32Array;

/** Shape of a generated trace; the same numbers make the same trace. */
export interface TraceShape {
  readonly requests: number;
  /** Objects whose popularity follows Zipf's law. */
  readonly objects: number;
  readonly alpha: number;
  /** Share of requests that belong to scans: runs of objects that are asked for once and never again. */
  readonly scanShare?: number;
  /** Length of each scan. */
  readonly scanLength?: number;
  /** Objects of a loop that is walked again and again, and the share of requests that belong to it. */
  readonly loopObjects?: number;
  readonly loopShare?: number;
  readonly seed?: number;
}

/** Zipf requests, interrupted by scans and by walks of a loop. */
export function generateTrace(shape: TraceShape): Trace {
  const { requests, objects, scanShare = 0, scanLength = 1000, loopObjects = 0, loopShare = 0 } = shape;
  const random = createRandom(shape.seed ?? 1);
  const cumulative = cumulate(objects, shape.alpha);
  const trace = new Uint32Array(requests);
  let nextScanned = objects + loopObjects;
  let nextLooped = 0;
  for (let at = 0; at < requests;) {
    // A run begins with this probability so that runs of `scanLength` make up their share.
    const dice = random() * scanLength;
    const scan = scanShare / (1 - scanShare - loopShare);
    const loop = loopShare / (1 - scanShare - loopShare);
    if (dice < scan) for (let n = 0; n < scanLength && at < requests; n++) trace[at++] = nextScanned++;
    else if (dice < scan + loop) {
      for (let n = 0; n < scanLength && at < requests; n++) trace[at++] = objects + (nextLooped++ % loopObjects);
    }
    if (at < requests) trace[at++] = find(cumulative, random());
  }
  return trace;
}

function cumulate(objects: number, alpha: number): Float64Array {
  const cumulative = new Float64Array(objects);
  let sum = 0;
  for (let rank = 0; rank < objects; rank++) cumulative[rank] = sum += (rank + 1) ** -alpha;
  return cumulative.map((value) => value / sum);
}

function find(cumulative: Float64Array, value: number): number {
  let low = 0;
  let high = cumulative.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((cumulative[middle] ?? 1) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** mulberry32: small, and the same everywhere. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d_2b_79_f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
