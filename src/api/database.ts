import { type ErrorCode, HotpathError } from "../errors.ts";
import type { SourceRequest, TraceSpan } from "./source-request.ts";

/** A database as routes use it, always in the name of whoever asks. Answers are JSON arrays of rows, as texts. */
export interface Database {
  /**
   * Runs one statement in a transaction of its own.
   *
   * @throws SqlError, and HotpathError when the database is not to be had
   */
  run(request: SourceRequest, statement: SqlStatement, mode: StatementMode, asker?: Asker): Promise<string>;
  /**
   * Runs several statements in one transaction on the primary, which is rolled back when `work` fails. `work` may be called once more when
   * the first server turns out not to take writes.
   */
  transaction<Value>(
    request: SourceRequest,
    work: (run: (statement: SqlStatement) => Promise<string>) => Promise<Value>,
    asker?: Asker,
  ): Promise<Value>;
  /** Rows of a statement that reads, in batches that are fetched as they are asked for. Begins with the first. */
  stream(request: SourceRequest, statement: SqlStatement, asker?: Asker): RowBatches;
  /** A write has been answered, and replies made of what it changed are not gone yet: none that is stored is to be given. */
  readonly isBehind: boolean;
  /** The `Consistency-Token` of what a request has committed. */
  tokenOf(request: SourceRequest): string | undefined;
}

/** Rows that are on their way. */
export interface RowBatches {
  /** The next of them, each as JSON; undefined behind the last. To be asked one by one. Rejects like `run`. */
  next(): Promise<readonly string[] | undefined>;
  /** No more are wanted. */
  close(): void;
}

/** On whose behalf statements run, within a request. */
export interface Asker {
  /** What they are a part of; undefined: the request. */
  readonly span: TraceSpan | undefined;
  /** Is told what they read; undefined: nobody wants to know. Looked at for each statement. */
  readonly notes: ReadNotes | undefined;
}

/** Is told what statements have read, so that what is made of it can go when that changes. */
export interface ReadNotes {
  /**
   * @param tags that are purged when what was read changes, as far as anybody can tell
   * @param coarse others that are purged then, too, and fewer
   */
  read(tags: readonly string[], coarse: readonly string[]): void;
  /** What is made of it is not to be kept: it may be out of date already. The reason is a token of `Cache-Status`. */
  spoiled(reason: string): void;
}

/** A statement with its values apart: `texts` stand around them, one more than there are values. */
export interface SqlStatement {
  /** The same array for statements that differ in their values alone. */
  readonly texts: readonly string[];
  readonly values: readonly unknown[];
}

/**
 * `read`: in a transaction that only reads, on any server that is fresh enough; `keyed`: the same, and it may share a statement with others
 * that differ in their values alone; `write`: on the primary.
 */
export type StatementMode = "read" | "keyed" | "write";

/** What PostgreSQL said of a statement. Its own words are in `cause`: for the log, not for clients. */
export class SqlError extends HotpathError {
  /** `23505` and the like (PostgreSQL documentation, appendix A). */
  readonly sqlState: string;
  /** The constraint that was violated. */
  readonly constraint: string | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    details: { readonly sqlState: string; readonly constraint?: string | undefined; readonly cause?: unknown },
  ) {
    super(code, message, { cause: details.cause });
    this.sqlState = details.sqlState;
    this.constraint = details.constraint;
  }
}
