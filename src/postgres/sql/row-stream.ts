import type { RowBatches } from "../../api/database.ts";
import { HotpathError } from "../../errors.ts";
import { type Command, type CommandResult, createStatement } from "../pool/index.ts";
import type { Step, TransactionMode } from "../run-transaction.ts";

/** Runs a transaction that goes on as long as `proceed` does. */
export type OpenTransaction = (proceed: NonNullable<TransactionMode["proceed"]>) => Promise<unknown>;

/**
 * Rows of a cursor, fetched as they are asked for. Between two batches the transaction, and its connection, wait for whoever reads: not
 * for ever.
 */
export class RowStream implements RowBatches {
  readonly #open: OpenTransaction;
  readonly #signal: AbortSignal;
  #hasBegun = false;
  /** Resolves with whether more is wanted. */
  #asked = Promise.withResolvers<boolean>();
  #batch = Promise.withResolvers<readonly string[] | undefined>();
  #isOver = false;
  #hasGiven = false;

  constructor(open: OpenTransaction, signal: AbortSignal) {
    this.#open = open;
    this.#signal = signal;
  }

  next(): Promise<readonly string[] | undefined> {
    if (this.#isOver) return Promise.resolve(undefined);
    const batch = Promise.withResolvers<readonly string[] | undefined>();
    this.#batch = batch;
    this.#asked.resolve(true);
    // A failure may find nobody who waits for it.
    void batch.promise.catch(ignore);
    if (!this.#hasBegun) this.#begin();
    return batch.promise;
  }

  close(): void {
    this.#isOver = true;
    this.#asked.resolve(false);
  }

  #begin(): void {
    this.#hasBegun = true;
    void this.#open((_results, step) => this.#fetch(step)).then(
      () => this.#end(),
      (error: unknown) => this.#fail(error),
    );
  }

  async #fetch(step: Step): Promise<readonly Command[]> {
    // The second attempt of a read that failed would begin at the first row again.
    if (this.#hasGiven) throw new HotpathError("HP_UNAVAILABLE", "The database went away while its rows were read.");
    let size = 0;
    while (await this.#isAsked()) {
      const [result] = await step([FETCHES[size] as Command]);
      const rows = textsOf(result);
      this.#hasGiven ||= rows.length > 0;
      const isLast = rows.length < (SIZES[size] as number);
      if (rows.length > 0) {
        if (isLast) this.#isOver = true;
        this.#batch.resolve(rows);
      }
      if (isLast) break;
      if (size < SIZES.length - 1 && lengthOf(rows) < BATCH_CHARACTERS) size++;
    }
    return NOTHING;
  }

  async #isAsked(): Promise<boolean> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      reject(new HotpathError("HP_DEADLINE", `Rows waited ${STALL_MS} ms for whoever reads them.`));
    }, STALL_MS);
    const leave = (): void => reject(this.#signal.reason);
    this.#signal.addEventListener("abort", leave, { once: true });
    if (this.#signal.aborted) leave();
    try {
      const isWanted = await Promise.race([this.#asked.promise, late]);
      this.#asked = Promise.withResolvers();
      return isWanted;
    } finally {
      clearTimeout(timer);
      this.#signal.removeEventListener("abort", leave);
    }
  }

  #end(): void {
    this.#isOver = true;
    this.#batch.resolve(undefined);
  }

  #fail(error: unknown): void {
    this.#isOver = true;
    this.#batch.reject(error);
  }
}

/** The name of a transaction's cursor. */
export const CURSOR = '"hp.cursor"';

function textsOf(result: CommandResult | undefined): readonly string[] {
  return (result?.rows ?? []).map(([text]) => text ?? "null");
}

function lengthOf(rows: readonly string[]): number {
  return rows.reduce((length, row) => length + row.length, 0);
}

/** Short rows are fetched in larger batches. */
const SIZES = [64, 256, 1000] as const;
const FETCHES = SIZES.map((size): Command => ({
  statement: createStatement(`FETCH FORWARD ${size} FROM ${CURSOR}`),
  values: [],
}));
const BATCH_CHARACTERS = 32 * 1024;
/** A client that takes nothing for so long is gone, or does not deserve a connection. */
const STALL_MS = 60_000;
const NOTHING: readonly Command[] = [];

function ignore(): void {}
