/**
 * A histogram of fixed size over the whole range that matters: 256 buckets an octave, so that a percentile is off by at most 0.2%,
 * whatever the values are: milliseconds from a microsecond to months, or the bytes of a reply. The bucket of a value is the upper bits of
 * its own floating-point form: exponent and eight bits of fraction. That costs no logarithm, and no range has to be chosen beforehand.
 */
const FRACTION_BITS = 8;
const LOWEST_EXPONENT = -12;
const OCTAVES = 60;
const BUCKETS = OCTAVES << FRACTION_BITS;
const AN_OCTAVE = 1 << FRACTION_BITS;
const BASE = (1023 + LOWEST_EXPONENT) << FRACTION_BITS;
const SHIFT = 20 - FRACTION_BITS;

const scratch = new Float64Array(1);
const words = new Uint32Array(scratch.buffer);
/** Where the upper half of a number stands. */
const UPPER = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1 ? 1 : 0;

/** A histogram as it stands in files. */
export interface EncodedHistogram extends HistogramSums {
  /** Bucket and count in turn, of buckets that hold something. */
  readonly buckets: readonly number[];
}

/** A histogram of a second as it travels between processes: its bytes are copied as they are. */
export interface PackedHistogram extends HistogramSums {
  readonly buckets: Uint32Array;
}

interface HistogramSums {
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
}

/**
 * Counts values in buckets of 0.4% width. Only octaves that hold something have memory, 2 KB each, so its size never grows beyond that of
 * the range: latencies span a handful. Values of 0 and below share the first bucket.
 */
export class Histogram {
  count = 0;
  sum = 0;
  min = Infinity;
  max = -Infinity;
  readonly #octaves: (Float64Array | undefined)[] = Array.from({ length: OCTAVES });

  record(value: number): void {
    const bucket = bucketOf(value);
    const octave = this.#octaves[bucket >> FRACTION_BITS] ?? this.#grow(bucket);
    octave[bucket & (AN_OCTAVE - 1)]!++;
    this.count++;
    this.sum += value;
    if (value < this.min) this.min = value;
    if (value > this.max) this.max = value;
  }

  /** The value that the share (0 to 1) of all values does not exceed; 0 when there are none. */
  quantile(share: number): number {
    if (this.count === 0) return 0;
    const rank = Math.max(1, Math.ceil(share * this.count - 1e-9));
    let seen = 0;
    for (const [bucket, count] of this.#filled()) {
      seen += count;
      // The first bucket has no lower end: most of what it holds is 0.
      if (seen >= rank) return bucket === 0 ? this.min : Math.min(this.max, Math.max(this.min, middleOf(bucket)));
    }
    return this.max;
  }

  get mean(): number {
    return this.count === 0 ? 0 : this.sum / this.count;
  }

  /** How many values are at most `value`, to the width of a bucket. */
  countUpTo(value: number): number {
    let seen = 0;
    for (const [bucket, count] of this.#filled()) {
      if (middleOf(bucket) > value) break;
      seen += count;
    }
    return seen;
  }

  /** Every bucket that holds something, in order: its middle and its count. */
  *entries(): Generator<readonly [value: number, count: number]> {
    for (const [bucket, count] of this.#filled()) yield [middleOf(bucket), count];
  }

  encode(): EncodedHistogram {
    return { ...this.#sums(), buckets: [...this.#filled()].flat() };
  }

  /** No bucket may hold more than 2^32. */
  pack(): PackedHistogram {
    let size = 0;
    for (const octave of this.#octaves) {
      if (octave !== undefined) for (let at = 0; at < AN_OCTAVE; at++) if (octave[at]! > 0) size += 2;
    }
    const buckets = new Uint32Array(size);
    let to = 0;
    for (let first = 0; first < BUCKETS; first += AN_OCTAVE) {
      const octave = this.#octaves[first >> FRACTION_BITS];
      if (octave === undefined) continue;
      for (let at = 0; at < AN_OCTAVE; at++) {
        if (octave[at] === 0) continue;
        buckets[to++] = first + at;
        buckets[to++] = octave[at]!;
      }
    }
    return { ...this.#sums(), buckets };
  }

  #sums(): HistogramSums {
    const isEmpty = this.count === 0;
    return { count: this.count, sum: this.sum, min: isEmpty ? 0 : this.min, max: isEmpty ? 0 : this.max };
  }

  /** Adds what another has counted. Buckets that do not exist are left out: a file may be older or broken. */
  add(encoded: EncodedHistogram | PackedHistogram): void {
    if (encoded.count === 0) return;
    for (let at = 0; at + 1 < encoded.buckets.length; at += 2) {
      const bucket = encoded.buckets[at]!;
      if (!Number.isInteger(bucket) || bucket < 0 || bucket >= BUCKETS) continue;
      const octave = this.#octaves[bucket >> FRACTION_BITS] ?? this.#grow(bucket);
      octave[bucket & (AN_OCTAVE - 1)]! += encoded.buckets[at + 1]!;
    }
    this.count += encoded.count;
    this.sum += encoded.sum;
    this.min = Math.min(this.min, encoded.min);
    this.max = Math.max(this.max, encoded.max);
  }

  reset(): void {
    for (const octave of this.#octaves) octave?.fill(0);
    this.count = 0;
    this.sum = 0;
    this.min = Infinity;
    this.max = -Infinity;
  }

  #grow(bucket: number): Float64Array {
    const octave = new Float64Array(AN_OCTAVE);
    this.#octaves[bucket >> FRACTION_BITS] = octave;
    return octave;
  }

  /** Buckets that hold something, in order. */
  *#filled(): Generator<readonly [bucket: number, count: number]> {
    for (const [at, octave] of this.#octaves.entries()) {
      if (octave === undefined) continue;
      for (let fraction = 0; fraction < AN_OCTAVE; fraction++) {
        const count = octave[fraction]!;
        if (count > 0) yield [(at << FRACTION_BITS) + fraction, count];
      }
    }
  }
}

function bucketOf(value: number): number {
  scratch[0] = value;
  const bucket = (words[UPPER]! >>> SHIFT) - BASE;
  if (!(value > 0) || bucket < 0) return 0;
  return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

function middleOf(bucket: number): number {
  const octave = 2 ** (LOWEST_EXPONENT + (bucket >> FRACTION_BITS));
  const fraction = ((bucket & ((1 << FRACTION_BITS) - 1)) + 0.5) / (1 << FRACTION_BITS);
  return octave * (1 + fraction);
}
