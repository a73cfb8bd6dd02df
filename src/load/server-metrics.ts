/** What a hotpath server said of itself while load ran. */
export interface ServerSeries {
  readonly url: string;
  /** Seconds from the start of the run. */
  readonly at: readonly number[];
  /** By what is shown. */
  readonly lines: readonly ServerLine[];
}

export interface ServerLine {
  readonly name: string;
  readonly unit: "cores" | "ms" | "ratio" | "bytes" | "count" | "rate";
  readonly values: readonly (number | null)[];
}
