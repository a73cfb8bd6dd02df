/** One series of a counter. */
export class CounterSeries {
  value = 0;

  /** Adds `amount`, 1 by default. A counter never falls: negative amounts and NaN are ignored. */
  add(amount = 1): void {
    if (amount > 0) this.value += amount;
  }
}

/** One series of a histogram. */
export class HistogramSeries {
  sum = 0;
  /** Observations by bucket, not cumulative; the last is for what is above every bound. */
  readonly counts: Float64Array;
  readonly #bounds: Float64Array;

  constructor(bounds: Float64Array) {
    this.#bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  /** Counts one value. NaN is ignored: it would spoil the sum for good. */
  observe(value: number): void {
    if (Number.isNaN(value)) return;
    const bounds = this.#bounds;
    // Straight through: with some twenty bounds, and most values near the low end, halving is slower.
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket += 1;
    this.counts[bucket] = (this.counts[bucket] as number) + 1;
    this.sum += value;
  }
}
