import type { DatabaseError } from "pg";
import type { TraceSpan } from "../../api/source-request.ts";
import { HotpathError } from "../../errors.ts";
import type { Batch } from "../batch/batch.ts";
import type { BatchQueue } from "../batch/queue.ts";
import type { BatchShape } from "../batch/shape.ts";
import type { PipelinedConnection } from "./connection.ts";
import type { PreparedStatement } from "./prepared.ts";
import { isQuick, type StatementTraits, traitsOf } from "./statement.ts";
import type { Command, CommandResult, RunOptions, Sequel } from "./types.ts";
import type { Waiting } from "../../waiting-list.ts";

/** What is counted of calls, by whoever makes them. */
export interface CallCounts {
  calls: number;
  errors: number;
}

type Row = readonly (string | null)[];

/** One caller's commands on their way: waiting, sent, answered. */
export class Call implements Waiting<Call> {
  readonly since = performance.now();
  previous: Call | undefined = undefined;
  next: Call | undefined = undefined;
  isWaiting = false;
  /** May write; else its transaction only reads, where connections start so. */
  isWrite = false;
  /** What is to be sent right behind it. */
  sequel: Sequel | undefined = undefined;
  /** Of the connection's own, which nobody waits for and which means nothing on another. */
  isInternal = false;

  readonly commands: readonly Command[];
  /** Set while the call is in a pipeline. */
  connection: PipelinedConnection | undefined = undefined;
  /** The caller has its answer, or has left. */
  isSettled = false;
  wasReplayed = false;
  /** Was not known to be quick when it was sent. */
  wasSlow = false;
  /** Error of the server, final when its ReadyForQuery has come. */
  failure: DatabaseError | undefined = undefined;
  /** Statements that this sending parses, in order, and how many of them the server confirmed. */
  parses: PreparedStatement[] | undefined = undefined;
  parsed = 0;
  /** Place among its results of one that is not the caller's; -1: there is none to come. */
  sceneAt = -1;
  /** What the caller allows in all; 0: said nothing. */
  timeoutMs = 0;
  /** Its rows have a field of bytes. */
  readonly wantsBytes: boolean;
  /** Traits of the last command's statement: the one that does the work, where others set the scene. */
  readonly traits: StatementTraits | undefined;
  /** Its kind, of which many may be answered together. */
  shape: BatchShape | undefined = undefined;
  /** Where it waits beside others of its kind. */
  queue: BatchQueue | undefined = undefined;
  /** The statement that answers it together with others, once it is on its way. */
  sharedCall: Call | undefined = undefined;
  /** The calls that this one answers. */
  batch: Batch | undefined = undefined;
  /** Makes the signal of a caller's leaving; asked once the call has taken its time. */
  lateSignal: (() => AbortSignal) | undefined = undefined;
  /** Where it belongs in its caller's trace; absent where there is none. */
  span: TraceSpan | undefined = undefined;
  /** Ends what watches for the caller's leaving. */
  unwatch: (() => void) | undefined = undefined;

  readonly #resolve: (results: readonly CommandResult[]) => void;
  readonly #reject: (reason: unknown) => void;
  #results: CommandResult[] = [];
  #rows: Row[] | undefined = undefined;

  readonly #counts: CallCounts;

  constructor(
    commands: readonly Command[],
    counts: CallCounts,
    resolve: (results: readonly CommandResult[]) => void,
    reject: (reason: unknown) => void,
  ) {
    this.commands = commands;
    const last = commands.at(-1);
    this.traits = last === undefined ? undefined : traitsOf(last.statement);
    this.wantsBytes = wantsBytes(commands);
    this.#counts = counts;
    counts.calls++;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Whether others may be sent behind it on one connection while further ones are free. */
  get isQuick(): boolean {
    if (this.shape !== undefined && this.shape.limit.isQuick) return true;
    return this.traits !== undefined && isQuick(this.traits);
  }

  /** How many different calls it answers. */
  get width(): number {
    return this.batch?.distinct.length ?? 1;
  }

  /** Its turn has come, by itself or in a statement with others. */
  leaves(): void {
    if (this.span === undefined) return;
    this.span.set("hotpath.pool.wait_ms", Math.round((performance.now() - this.since) * 1000) / 1000);
  }

  /** Place of the field of bytes in the rows that come now; -1: there is none. */
  get bytesPlace(): number {
    if (this.sceneAt === this.#results.length) return -1;
    return this.commands[this.#results.length]?.statement.bytes?.place ?? -1;
  }

  addRow(row: Row): void {
    // Nobody will read the rows of a caller who left.
    if (this.isSettled) return;
    if (this.#rows === undefined) this.#rows = [row];
    else this.#rows.push(row);
  }

  completeCommand(tag: string): void {
    if (this.sceneAt === this.#results.length) this.sceneAt = -1;
    else this.#results.push({ rows: this.#rows ?? NO_ROWS, tag });
    this.#rows = undefined;
  }

  /** Watches for the caller's leaving from now on. */
  watchLate(leave: (reason: unknown) => void): void {
    const signal = this.lateSignal?.();
    this.lateSignal = undefined;
    if (signal === undefined || this.isSettled) return;
    if (signal.aborted) leave(signal.reason);
    else this.unwatch = watch({ signal }, leave);
  }

  succeed(): void {
    this.answer(this.#results);
  }

  /** Succeeds with what another call was answered. */
  answer(results: readonly CommandResult[]): void {
    if (this.isSettled) return;
    this.isSettled = true;
    this.unwatch?.();
    this.#resolve(results);
  }

  fail(reason: unknown): void {
    if (this.isSettled) return;
    this.isSettled = true;
    this.queue?.remove(this);
    this.#counts.errors++;
    this.#results = [];
    this.#rows = undefined;
    this.unwatch?.();
    this.#reject(reason);
  }

  /**
   * Whether the failure comes from a stale prepared statement, and nothing of the call has taken effect, so that it may be
   * sent again. Once only.
   */
  get isReplayable(): boolean {
    const { failure } = this;
    if (failure === undefined || this.wasReplayed || this.isSettled || !isStaleStatement(failure)) return false;
    return this.#results.every(({ tag }) => UNDONE_BY_FAILURE.test(tag));
  }

  /** Back to the state before sending. */
  rewind(): void {
    this.#results = [];
    this.#rows = undefined;
    this.failure = undefined;
    this.parses = undefined;
    this.parsed = 0;
    this.connection = undefined;
  }
}

function wantsBytes(commands: readonly Command[]): boolean {
  for (const { statement } of commands) if (statement.bytes !== undefined) return true;
  return false;
}

/** Calls `leave` with the reason when the caller leaves or runs out of time; answers what ends the watch. */
export function watch(options: RunOptions, leave: (reason: unknown) => void): (() => void) | undefined {
  const { signal, timeoutMs } = options;
  if (signal === undefined && timeoutMs === undefined) return undefined;
  const aborted = (): void => leave(signal?.reason);
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          leave(new HotpathError("HP_DEADLINE", `The database did not answer within ${timeoutMs} ms.`));
        }, timeoutMs);
  signal?.addEventListener("abort", aborted, { once: true });
  return () => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", aborted);
  };
}

const NO_ROWS: readonly Row[] = [];

/** Commands that a failure later in the same transaction undoes. A procedure, say, may have committed. */
const UNDONE_BY_FAILURE = /^(?:SELECT|SET|RESET|SHOW|INSERT|UPDATE|DELETE|MERGE|$)/;

/**
 * No such prepared statement, one too many, or "cached plan must not change result type"; that last code means
 * more than this, and its text is translated, so the raising routine decides.
 */
function isStaleStatement({ code, routine }: DatabaseError): boolean {
  return code === "26000" || code === "42P05" || (code === "0A000" && routine === "RevalidateCachedQuery");
}
