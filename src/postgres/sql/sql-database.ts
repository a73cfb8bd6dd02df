import type { Asker, Database, ReadNotes, RowBatches, SqlStatement, StatementMode } from "../../api/database.ts";
import type { PostgresSettings } from "../../api/settings.ts";
import type { Log } from "../../api/source.ts";
import type { SourceRequest, TraceSpan } from "../../api/source-request.ts";
import { BatchShape } from "../batch/shape.ts";
import type { TagSource } from "../changes/read-tags.ts";
import type { Command, CommandResult } from "../pool/index.ts";
import { READ, type RunTransaction, type TransactionMode } from "../run-transaction.ts";
import { type CompiledStatement, compileStatement } from "./compile-statement.ts";
import { HotpathError } from "../../errors.ts";
import { createTurns } from "../turns.ts";
import { RowStream } from "./row-stream.ts";
import { toParameterText } from "./parameter-text.ts";
import { toSqlError } from "./sql-error.ts";
import { createStatementTags } from "./statement-tags.ts";
import { usesRequestSettings } from "../transaction.ts";

/** What a source lends its routes. */
export interface SqlDatabaseParts {
  readonly settings: PostgresSettings;
  readonly run: RunTransaction;
  /** Another object when types may have changed. */
  readonly catalog: () => object | undefined;
  readonly tokenOf: (request: SourceRequest) => string | undefined;
  /** Resolves when replies from before a write are not given any more. */
  readonly written: (request: SourceRequest) => Promise<void>;
  /** What replies depend on, where they are cached. */
  readonly tagSource: () => TagSource | undefined;
  /** Whether a reply with these tags, read by a request, is no older than what has been purged. */
  readonly isSeen: (request: SourceRequest, tags: readonly string[]) => boolean;
  readonly isBehind: () => boolean;
  readonly primaryUrl: () => string;
  readonly log: () => Log | undefined;
}

/** Runs routes' statements on the connections, and in the way, of the source's own. */
export function createSqlDatabase(parts: SqlDatabaseParts): Database {
  const { settings, run, catalog, tokenOf, written, tagSource } = parts;
  const tags = createStatementTags(parts);
  // Each holds a connection; the others stay free for everybody else.
  const streams = createTurns(Math.max(1, Math.floor(settings.pool.max / 2)), "streams");
  const compiled = new WeakMap<readonly string[], CompiledStatement>();
  const [schema = "public"] = settings.schemas;
  const scope = { schema, timezone: null };
  let shapes = new WeakMap<CompiledStatement, TransactionMode>();
  let shapedFor: object | undefined;

  function compile(texts: readonly string[]): CompiledStatement {
    let known = compiled.get(texts);
    if (known === undefined) compiled.set(texts, (known = compileStatement(texts)));
    return known;
  }

  /** Which types its values have is learnt once for each catalog. */
  function keyedMode(statement: CompiledStatement): TransactionMode {
    const current = catalog();
    if (current !== shapedFor) {
      shapes = new WeakMap();
      shapedFor = current;
    }
    const { template } = statement;
    const { maxBatch } = settings.pool;
    if (template === undefined || maxBatch === 1 || settings.preRequest !== null) return READ;
    let mode = shapes.get(statement);
    if (mode === undefined) {
      mode = { ...READ, batch: new BatchShape({ template, private: [], most: maxBatch }) };
      shapes.set(statement, mode);
    }
    return mode;
  }

  async function runOne(
    request: SourceRequest,
    given: SqlStatement,
    mode: StatementMode,
    asker?: Asker,
  ): Promise<string> {
    const statement = compile(given.texts);
    const way = mode === "keyed" ? keyedMode(statement) : mode === "write" ? WRITE : READ;
    const command = toCommand(statement, given);
    const notes = mode === "write" ? undefined : asker?.notes;
    try {
      const running = run(request, scope, [command], within(way, asker?.span));
      if (notes !== undefined) await Promise.all([running, note(request, statement, command.values, notes, running)]);
      const [result] = await running;
      if (mode === "write") await written(request);
      return toRows(statement, result);
    } catch (error) {
      throw toSqlError(error);
    }
  }

  /** Tells what a statement reads, once it has: its reply may be older than what was purged meanwhile. */
  async function note(
    request: SourceRequest,
    statement: CompiledStatement,
    values: Command["values"],
    notes: ReadNotes,
    running: Promise<unknown>,
  ): Promise<void> {
    const source = tagSource();
    if (source === undefined) return;
    const found = await tags.of(source, statement, usesRequestSettings(settings, request));
    await running;
    if (found === undefined) {
      notes.spoiled("unknown");
      return;
    }
    const own = found.of({ operands: values.map((value) => value ?? undefined), cursor: [] });
    const all = typeof own === "string" ? found.coarse : own;
    notes.read(all, found.coarse);
    if (!parts.isSeen(request, all)) notes.spoiled("replica-behind");
  }

  async function transaction<Value>(
    request: SourceRequest,
    work: (run: (statement: SqlStatement) => Promise<string>) => Promise<Value>,
    asker?: Asker,
  ): Promise<Value> {
    let outcome: { readonly value: Value } | undefined;
    const proceed: TransactionMode["proceed"] = async (_results, step) => {
      outcome = {
        value: await work(async (given) => {
          const statement = compile(given.texts);
          try {
            const [result] = await step([toCommand(statement, given)]);
            return toRows(statement, result);
          } catch (error) {
            throw toSqlError(error);
          }
        }),
      };
      return NOTHING;
    };
    try {
      await run(request, scope, NOTHING, within({ ...WRITE, proceed }, asker?.span));
    } catch (error) {
      throw toSqlError(error);
    }
    await written(request);
    if (outcome === undefined) throw new Error("a transaction ended that never began");
    return outcome.value;
  }

  function stream(request: SourceRequest, given: SqlStatement, asker?: Asker): RowBatches {
    const { cursor: statement } = compile(given.texts);
    if (statement === undefined) throw new HotpathError("HP_SQL_FAILED", "Only statements that read can be streamed.");
    const command = { statement, values: given.values.map(toParameterText) };
    // What is read after the reply has begun comes too late for its tags.
    asker?.notes?.spoiled("stream");
    return new RowStream(
      (proceed) =>
        streams(() => run(request, scope, [command], within({ ...READ, proceed }, asker?.span))).catch(
          (error: unknown) => {
            throw toSqlError(error);
          },
        ),
      request.signal,
    );
  }

  return {
    run: runOne,
    transaction,
    stream,
    tokenOf,
    get isBehind() {
      return parts.isBehind();
    },
  };
}

function toCommand({ statement }: CompiledStatement, { values }: SqlStatement): Command {
  return { statement, values: values.map(toParameterText) };
}

function within(mode: TransactionMode, span: TraceSpan | undefined): TransactionMode {
  return span === undefined ? mode : { ...mode, span };
}

function toRows({ hasRows }: CompiledStatement, result: CommandResult | undefined): string {
  return (hasRows ? result?.rows[0]?.[0] : undefined) ?? "[]";
}

const WRITE: TransactionMode = { access: "read write", end: "commit" };
const NOTHING: readonly Command[] = [];
