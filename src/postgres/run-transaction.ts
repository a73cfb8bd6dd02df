import type { PostgresSettings } from "../api/settings.ts";
import type { SourceRequest, TraceSpan } from "../api/source-request.ts";
import type { BatchShape } from "./batch/shape.ts";
import type { Isolation } from "./catalog/role-settings.ts";
import { DialectError } from "./dialect-error.ts";
import { errorType } from "./error-type.ts";
import {
  type Command,
  type CommandResult,
  ConnectionLostError,
  createStatement,
  type Pool,
  variantOf,
} from "./pool/index.ts";
import { COMMITTED, type Need, type ReadOrigin, type Router } from "./replicas/index.ts";
import type { TimeStatement } from "./statement-metrics.ts";
import { beginStatementSpan, withTraceComments } from "./statement-span.ts";
import {
  createOpenTransaction,
  identityOf,
  type Opening,
  type RoleCatalog,
  type TransactionScope,
} from "./transaction.ts";

/** What a request's transaction may do, and how it ends. */
export interface TransactionMode {
  readonly access: "read only" | "read write";
  /** Default: the role's, or the database's own. */
  readonly isolation?: Isolation | undefined;
  readonly end: "commit" | "rollback";
  /** It may share a statement with others of the shape, where it is one implicit transaction. */
  readonly batch?: BatchShape | undefined;
  /** What it is a part of. Default: the request. */
  readonly span?: TraceSpan;
  /** All its statements see one state of the database: at least `repeatable read`. */
  readonly isStable?: boolean;
  /** Commands of our own, run by the connecting user before the transaction is opened for the request; what `look` throws ends it. */
  readonly before?: { readonly commands: readonly Command[]; look(results: readonly CommandResult[]): void };
  /** Looks at the results before the end; what it throws rolls the transaction back and reaches the caller. */
  readonly check?: (results: readonly CommandResult[]) => void;
  /**
   * Goes on in the transaction after the check, step by step; answers commands that go out with the end. May be called once more, when the
   * first server turned out not to take writes.
   */
  readonly proceed?: (results: readonly CommandResult[], step: Step) => Promise<readonly Command[]>;
}

/** Runs further commands of a transaction. */
export type Step = (commands: readonly Command[]) => Promise<readonly CommandResult[]>;

/** A read that nothing can stop half way: one implicit transaction, which strangers' may follow in the pipeline. */
export const READ: TransactionMode = { access: "read only", end: "commit" };

/**
 * Runs a request's commands in one transaction, after those that open it for the request, and answers their results. With the mode
 * `end: "commit"` it resolves only once the server has confirmed the commit.
 *
 * Rejects with what the pool, the server or `check` said; a lost connection that leaves open whether a write was committed
 * is a DialectError PGRST001 that says so.
 */
export type RunTransaction = (
  request: SourceRequest,
  scope: TransactionScope,
  commands: readonly Command[],
  mode?: TransactionMode,
) => Promise<readonly CommandResult[]>;

/**
 * @param router sends reads to a server that has what the request demands, and writes to the primary
 * @param committed told the `Consistency-Token` of what a request has committed, or seen where it asked for that, where there are replicas
 * @param catalog the one in use
 * @param origin told what a request's read sees at least, where there are replicas
 * @param timed told how long each request's statements took, their wait for a connection included
 * @param watch who wants to know which transaction a request has committed
 */
export function createTransactionRunner(
  settings: PostgresSettings,
  router: () => Router,
  committed: (request: SourceRequest, token: string) => void = () => undefined,
  catalog: () => RoleCatalog | undefined = () => undefined,
  origin: (request: SourceRequest, origin: ReadOrigin) => void = () => undefined,
  timed: TimeStatement = () => undefined,
  watch: () => CommitWatch | undefined = () => undefined,
): RunTransaction {
  const openTransaction = createOpenTransaction(settings, catalog);
  const run = (
    request: SourceRequest,
    scope: TransactionScope,
    given: readonly Command[],
    asked: TransactionMode = READ,
    span?: TraceSpan,
  ): Promise<readonly CommandResult[]> => {
    const opening = openTransaction(request, scope);
    const isCommented = span?.isSampled === true && settings.traceComments;
    const commands = isCommented ? withTraceComments(given, span) : withVariant(given, opening.variant);
    const target = router();
    const isolation = isolationOf(asked, opening);
    const mode = isolation === asked.isolation ? asked : { ...asked, isolation };
    if (mode.access === "read write") {
      const follow: Follow = mode.end === "commit" ? createFollow(target, committed, watch(), request) : UNFOLLOWED;
      if (isSendable(settings, mode)) return writeAlone(target, request, opening, commands, follow);
      return target.write(async (pool) => runBlock(pool, request, opening, commands, mode, follow));
    }
    const need = (): Need => target.needOf(request);
    const seen = target.isFollowed(request) ? (token: string) => committed(request, token) : undefined;
    const from = target.hasReplicas ? (seen: ReadOrigin) => origin(request, seen) : undefined;
    const isImplicit = mode.isolation === undefined && mode.check === undefined && mode.proceed === undefined;
    if (!isImplicit) {
      // "cannot use serializable mode in a hot standby"
      const demand = mode.isolation === "serializable" ? () => "isolation" as const : need;
      return target.read(
        demand,
        async (pool) => runBlock(pool, request, opening, commands, mode, UNFOLLOWED),
        seen,
        from,
      );
    }
    const batch = isCommented ? undefined : mode.batch;
    const options = {
      span,
      lateSignal: () => request.signal,
      batch,
      identity: batch === undefined ? "" : identityOf(opening),
      ...opening.limit,
    };
    if (opening.commands.length === 0) return target.read(need, (pool) => pool.run(commands, options), seen, from);
    return target
      .read(need, (pool) => pool.run([...opening.commands, ...commands], options), seen, from)
      .then((results) => results.slice(opening.commands.length));
  };
  return (request, scope, commands, mode) => {
    const { timing } = request;
    if (timing === undefined) return traced(request, scope, commands, mode);
    timing.mark("plan");
    return traced(request, scope, commands, mode).finally(() => timing.mark("transaction"));
  };

  function traced(...[request, scope, commands, mode]: Parameters<RunTransaction>): ReturnType<RunTransaction> {
    const parent = mode?.span ?? request.span;
    const span = parent && beginStatementSpan(parent, scope, commands);
    const startedAt = performance.now();
    const ended = (error?: string): void => {
      span?.end(error);
      timed(commands, scope, performance.now() - startedAt, error, request);
    };
    return run(request, scope, commands, mode, span).then(
      (results) => {
        ended();
        return results;
      },
      (error: unknown) => {
        ended(errorType(error));
        throw error;
      },
    );
  }
}

/**
 * Whether a write needs no explicit transaction: like a read, it then is one implicit transaction in a shared pipeline, undone by the
 * server itself when it fails. A pooler that gives each transaction another connection would lose the setting that lets it write.
 */
function isSendable({ pool }: PostgresSettings, mode: TransactionMode): boolean {
  const { isolation, end, before, check, proceed } = mode;
  const isPlain = isolation === undefined && end === "commit" && check === undefined && proceed === undefined;
  return isPlain && before === undefined && pool.preparedStatements;
}

function writeAlone(
  router: Router,
  request: SourceRequest,
  opening: Opening,
  commands: readonly Command[],
  { track, note, isTold }: Follow,
): Promise<readonly CommandResult[]> {
  const { length: opened } = opening.commands;
  const all = note === undefined ? [...opening.commands, ...commands] : [...opening.commands, ...commands, XID];
  const limit = { lateSignal: () => request.signal, isWrite: true, ...opening.limit };
  const written = router.write((pool) => {
    if (track === undefined || isTold) return pool.run(all, limit);
    // Asked for behind the commit in the same packet, but apart: a position that cannot be had must not pass for a write that failed.
    let position: Promise<CommandResult | undefined> | undefined;
    const followed = (answer: typeof position): void => void (position = answer);
    return pool.run(all, { ...limit, sequel: { command: COMMITTED, followed } }).then(async (results) => {
      track(await position);
      return results;
    });
  });
  return written.then(
    (results) => {
      note?.(results.at(-1));
      return all.length === commands.length ? results : results.slice(opened, opened + commands.length);
    },
    (error: unknown) => {
      throw outcomeUnknown(error);
    },
  );
}

/** Follows what is committed. */
export interface CommitWatch {
  /**
   * Takes the full number of a transaction, or `null` for one that has changed nothing.
   *
   * @param startedAt by `performance.now()`, before the commit
   * @param isTold whether it is left to this watch to find out where the transaction ends
   */
  numbered(request: SourceRequest, xid: number | null, startedAt: number, isTold: boolean): void;
  /** It finds out where the transaction ends in the log: nobody need ask that behind the commit. */
  readonly tellsEnds: boolean;
}

/** What is asked of a commit. */
interface Follow {
  /** Takes the result of `COMMITTED`, undefined where there is none; absent where positions are of no use. */
  readonly track: ((position: CommandResult | undefined) => void) | undefined;
  /** Takes the result of `XID`; absent where nobody wants to know. */
  readonly note: ((xid: CommandResult | undefined) => void) | undefined;
  /** `COMMITTED` need not be asked behind the commit. */
  readonly isTold: boolean;
}

const UNFOLLOWED: Follow = { track: undefined, note: undefined, isTold: false };

function createFollow(
  router: Router,
  committed: (request: SourceRequest, token: string) => void,
  watch: CommitWatch | undefined,
  request: SourceRequest,
): Follow {
  const startedAt = performance.now();
  const track = createTrack(router, committed, request, startedAt);
  if (track === undefined && watch === undefined) return UNFOLLOWED;
  const isTold = watch?.tellsEnds === true;
  const note = (result: CommandResult | undefined): void => {
    const xid = result?.rows[0]?.[0];
    if (xid !== undefined) watch?.numbered(request, xid === null ? null : Number(xid), startedAt, isTold);
  };
  return { track, note: watch && note, isTold };
}

/** Tells the token of what a request has committed. */
function createTrack(
  router: Router,
  committed: (request: SourceRequest, token: string) => void,
  request: SourceRequest,
  startedAt: number,
): Follow["track"] {
  if (!router.tracksPositions) return undefined;
  return (position) => {
    const token = router.committed(request, position, startedAt);
    if (token !== undefined) committed(request, token);
  };
}

/**
 * An explicit transaction on a connection of its own: an error leaves it failed until it is rolled back, so nobody else's statement
 * may stand behind it. Where nobody looks at its results before the end it goes out in one piece.
 */
async function runBlock(
  pool: Pool,
  request: SourceRequest,
  opening: Opening,
  commands: readonly Command[],
  { access, isolation, end, before, check, proceed }: TransactionMode,
  { track, note, isTold }: Follow,
): Promise<readonly CommandResult[]> {
  const { signal } = request;
  const options = { signal, ...opening.limit };
  await using session = await pool.acquire({ signal });
  const step: Step = (further) => session.run(further, options).catch(neverCommitted);
  const begin = command(beginSql(access, isolation));
  let isLooking = false;
  try {
    if (before !== undefined) {
      const found = (await step([begin, ...before.commands])).slice(1);
      isLooking = true;
      before.look(found);
      isLooking = false;
    }
    const ahead = before === undefined ? [begin, ...opening.commands] : opening.commands;
    const toResults = (all: readonly CommandResult[]): readonly CommandResult[] =>
      all.slice(ahead.length, ahead.length + commands.length);
    if (check === undefined && proceed === undefined) {
      return toResults(await finish([...ahead, ...commands]));
    }
    const results = toResults(await step([...ahead, ...commands]));
    check?.(results);
    const closing = (await proceed?.(results, step)) ?? [];
    await finish(closing);
    return results;
  } catch (error) {
    await session.rollBack();
    // What was found may be that it was committed before: whoever is told so must be able to see it.
    if (isLooking) track?.((await session.run([COMMITTED]).catch(() => undefined))?.[0]);
    throw end === "commit" && access === "read write" ? outcomeUnknown(error) : error;
  }

  /** The position is asked for without waiting, but apart: what is wrong with it must not pass for what is wrong with the commit. */
  async function finish(last: readonly Command[]): Promise<readonly CommandResult[]> {
    const numbering = note === undefined ? NO_COMMANDS : [XID];
    const ended = session.run([...last, ...numbering, ...ENDINGS[end]], options);
    const position = track && !isTold && session.run([COMMITTED]).catch(() => undefined);
    const results = await ended;
    note?.(results[last.length]);
    if (position) track((await position)?.[0]);
    return results;
  }
}

/** Runs commands of our own in a transaction that writes, as the connecting user. */
export async function runOwn(pool: Pool, commands: readonly Command[]): Promise<readonly CommandResult[]> {
  await using session = await pool.acquire();
  try {
    const begin = command(beginSql("read write", undefined));
    return (await session.run([begin, ...commands, ...ENDINGS.commit])).slice(1, 1 + commands.length);
  } catch (error) {
    await session.rollBack();
    throw error;
  }
}

function beginSql(access: TransactionMode["access"], isolation: Isolation | undefined): string {
  const level = isolation === undefined ? "" : ` ISOLATION LEVEL ${isolation.toUpperCase()}`;
  return `BEGIN${level} ${access.toUpperCase()}`;
}

function withVariant(commands: readonly Command[], variant: number): readonly Command[] {
  if (variant === 0) return commands;
  return commands.map(({ statement, values }) => ({ statement: variantOf(statement, variant), values }));
}

function command(text: string): Command {
  let known = commandsByText.get(text);
  if (known === undefined) commandsByText.set(text, (known = { statement: createStatement(text), values: [] }));
  return known;
}

function isolationOf(asked: TransactionMode, opening: Opening): Isolation | undefined {
  const isolation = asked.isolation ?? opening.isolation;
  return asked.isStable === true && isolation !== "serializable" ? "repeatable read" : isolation;
}

const commandsByText = new Map<string, Command>();

/** Number of the transaction that it is run in; null while that has written nothing. */
const XID = command("SELECT pg_catalog.txid_current_if_assigned()::text");
const NO_COMMANDS: readonly Command[] = [];

const ENDINGS: Readonly<Record<TransactionMode["end"], readonly Command[]>> = {
  commit: [command("COMMIT")],
  // What only the commit would have found is found all the same.
  rollback: [command("SET CONSTRAINTS ALL IMMEDIATE"), command("ROLLBACK")],
};

function neverCommitted(error: unknown): never {
  throw error instanceof ConnectionLostError ? new ConnectionLostError(false, error.cause) : error;
}

function outcomeUnknown(error: unknown): unknown {
  if (!(error instanceof ConnectionLostError) || !error.mayHaveExecuted) return error;
  return new DialectError("PGRST001", 503, "Database client error. Retrying the connection.", {
    details:
      "The connection was lost before the database had confirmed the commit: the write may have been carried out.",
    hint: "See whether it was before you send it again, unless it had an Idempotency-Key.",
    headers: { "retry-after": "1" },
    cause: error,
  });
}
