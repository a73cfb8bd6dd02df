/** A statement that the database is asked, and what it costs today. */
export interface LoadedStatement {
  readonly text: string;
  readonly calls: number;
  /** All calls together; `undefined`: only how often it is asked is known. */
  readonly ms: number | undefined;
  /** Rows that a call answers, in the mean, where that is known. */
  readonly rows?: number;
  /** What asks it, in a few words each: routes, or nothing where it is not known. */
  readonly requests: readonly string[];
  /** Values of some calls. Absent: it is planned for any. */
  readonly values?: readonly (readonly (string | null)[])[];
  /** Parameters, by their place, that are the same in every call: what a partial index could be limited to. */
  readonly fixed?: ReadonlyMap<number, string>;
}

/** What an advisor looks at. */
export interface Workload {
  /** Where it is from, as shown. */
  readonly origin: string;
  readonly statements: readonly LoadedStatement[];
  /** What could not be made use of, and how often. */
  readonly skipped: readonly { readonly what: string; readonly why: string; readonly times: number }[];
}

/** Statements that are looked at: the dearest. Each is planned a few times for every index that it might use. */
export const MAX_STATEMENTS = 100;
