import type { PostgresSettings } from "../api/settings.ts";
import type { SourceRequest } from "../api/source.ts";
import { DialectError } from "./dialect-error.ts";
import { type Command, type CommandResult, ConnectionLostError, createStatement, type Pool } from "./pool/index.ts";
import { createOpenTransaction, type TransactionScope } from "./transaction.ts";

export type Isolation = "read committed" | "repeatable read" | "serializable";

/** What a request's transaction may do, and how it ends. */
export interface TransactionMode {
  readonly access: "read only" | "read write";
  /** Default: the database's own. */
  readonly isolation?: Isolation;
  readonly end: "commit" | "rollback";
  /** Looks at the results before the end; what it throws rolls the transaction back and reaches the caller. */
  readonly check?: (results: readonly CommandResult[]) => void;
}

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

export function createTransactionRunner(settings: PostgresSettings, pool: () => Pool): RunTransaction {
  const openTransaction = createOpenTransaction(settings);
  return (request, scope, commands, mode = READ) => {
    const opening = openTransaction(request, scope);
    const isImplicit = mode.access === "read only" && mode.isolation === undefined && mode.check === undefined;
    if (!isImplicit) return runBlock(pool(), request, opening, commands, mode);
    const options = { lateSignal: () => request.signal };
    if (opening.length === 0) return pool().run(commands, options);
    return pool()
      .run([...opening, ...commands], options)
      .then((results) => results.slice(opening.length));
  };
}

/**
 * An explicit transaction on a connection of its own: an error leaves it failed until it is rolled back, so nobody else's statement
 * may stand behind it. Without a check it goes out in one piece, its end included.
 */
async function runBlock(
  pool: Pool,
  request: SourceRequest,
  opening: readonly Command[],
  commands: readonly Command[],
  { access, isolation, end, check }: TransactionMode,
): Promise<readonly CommandResult[]> {
  const { signal } = request;
  await using session = await pool.acquire({ signal });
  const begin = [command(beginSql(access, isolation)), ...opening, ...commands];
  const toResults = (all: readonly CommandResult[]): readonly CommandResult[] =>
    all.slice(1 + opening.length, 1 + opening.length + commands.length);
  try {
    if (check === undefined) return toResults(await session.run([...begin, ...ENDINGS[end]], { signal }));
    const results = toResults(await session.run(begin, { signal }).catch(neverCommitted));
    check(results);
    await session.run(ENDINGS[end], { signal });
    return results;
  } catch (error) {
    await session.rollBack();
    throw end === "commit" && access === "read write" ? outcomeUnknown(error) : error;
  }
}

function beginSql(access: TransactionMode["access"], isolation: Isolation | undefined): string {
  const level = isolation === undefined ? "" : ` ISOLATION LEVEL ${isolation.toUpperCase()}`;
  return `BEGIN${level} ${access.toUpperCase()}`;
}

function command(text: string): Command {
  let known = commandsByText.get(text);
  if (known === undefined) commandsByText.set(text, (known = { statement: createStatement(text), values: [] }));
  return known;
}

const commandsByText = new Map<string, Command>();

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
    hint: "See whether it was before you send it again.",
    headers: { "retry-after": "1" },
    cause: error,
  });
}
