/**
 * One option as its row in the table states it. Everything that knows options (validation, flags, environment, `--help`,
 * docs/options.md) reads these rows, so that a default or a range is written once.
 */
export interface OptionRow {
  /** Place in the config object: `server.port`; for the scope `postgres`, in the options of `postgres()`: `pool.max`. */
  readonly path: string;
  readonly type: OptionType;
  /** As a user would write it: `"10s"`, `"1KiB"`, `3000`. `null`: none, and `null` or the word `none` may be given. */
  readonly default: OptionValue;
  /** May be `null` although the default is not. */
  readonly nullable?: boolean;
  /** Smallest and largest value, as a user would write them. For lists: the number of entries. */
  readonly min?: string | number;
  readonly max?: string | number;
  /** Every value of a choice, or of a list's entries. */
  readonly choices?: readonly string[];
  /** What a string looks like, and the words that say so in an error. */
  readonly pattern?: { readonly expression: RegExp; readonly words: string };
  /** The flag without `--` where it does not follow from the path. */
  readonly flag?: string;
  /** Never shown, not even in errors. */
  readonly secret?: boolean;
  /** Set by programs and by `hotpath postgrest` only: no flag, no environment variable, not in the documentation. */
  readonly internal?: boolean;
  /** One sentence. */
  readonly description: string;
}

/** Also names the unit: bytes are bytes, durations are milliseconds once resolved. */
export type OptionType = "string" | "integer" | "boolean" | "bytes" | "duration" | "list" | "choice" | "path";
export type OptionValue = string | number | boolean | null | readonly string[];
