/** One series of a counter. */
export class CounterSeries {
  value = 0;

  /** Adds `amount`, 1 by default. A counter never falls: negative amounts and NaN are ignored. */
  add(amount = 1): void {
    if (amount > 0) this.value += amount;
  }
}

/** An observation that can be looked up in a trace. */
export interface Exemplar {
  readonly traceId: string;
  readonly value: number;
  readonly atMs: number;
}

/** One series of a histogram. */
export class HistogramSeries {
  sum = 0;
  /** Observations by bucket, not cumulative; the last is for what is above every bound. */
  readonly counts: Float64Array;
  /** By bucket: the last traced observation. */
  exemplars: (Exemplar | undefined)[] | undefined = undefined;
  readonly #bounds: Float64Array;

  constructor(bounds: Float64Array) {
    this.#bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  /** Counts one value. NaN is ignored: it would spoil the sum for good. */
  observe(value: number, traceId?: string): void {
    if (Number.isNaN(value)) return;
    const bounds = this.#bounds;
    // Straight through: with some twenty bounds, and most values near the low end, halving is slower.
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket += 1;
    this.counts[bucket] = (this.counts[bucket] as number) + 1;
    this.sum += value;
    if (traceId === undefined) return;
    this.exemplars ??= Array.from({ length: this.counts.length });
    this.exemplars[bucket] = { traceId, value, atMs: Date.now() };
  }

  /** How many were counted. */
  get count(): number {
    return this.counts.reduce((sum, each) => sum + each, 0);
  }

  /** Another of the same bounds that has counted nothing. */
  emptied(): HistogramSeries {
    return new HistogramSeries(this.#bounds);
  }

  /** Adds what another of the same bounds has counted. */
  merge(other: HistogramSeries): void {
    for (const [bucket, count] of other.counts.entries()) {
      this.counts[bucket] = (this.counts[bucket] as number) + count;
      const exemplar = other.exemplars?.[bucket];
      if (exemplar === undefined) continue;
      this.exemplars ??= Array.from({ length: this.counts.length });
      this.exemplars[bucket] = exemplar;
    }
    this.sum += other.sum;
  }
}
