import type { Database, SqlStatement, StatementMode } from "../../api/database.ts";
import type { PostgresSettings } from "../../api/settings.ts";
import type { SourceRequest, TraceSpan } from "../../api/source.ts";
import { BatchShape } from "../batch/shape.ts";
import type { Command, CommandResult } from "../pool/index.ts";
import { READ, type RunTransaction, type TransactionMode } from "../run-transaction.ts";
import { type CompiledStatement, compileStatement } from "./compile-statement.ts";
import { toParameterText } from "./parameter-text.ts";
import { toSqlError } from "./sql-error.ts";

/** What a source lends its routes. */
export interface SqlDatabaseParts {
  readonly settings: PostgresSettings;
  readonly run: RunTransaction;
  /** Another object when types may have changed. */
  readonly catalog: () => object | undefined;
  readonly tokenOf: (request: SourceRequest) => string | undefined;
  /** Resolves when replies from before a write are not given any more. */
  readonly written: (request: SourceRequest) => Promise<void>;
}

/** Runs routes' statements on the connections, and in the way, of the source's own. */
export function createSqlDatabase({ settings, run, catalog, tokenOf, written }: SqlDatabaseParts): Database {
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
    span?: TraceSpan,
  ): Promise<string> {
    const statement = compile(given.texts);
    const way = mode === "keyed" ? keyedMode(statement) : mode === "write" ? WRITE : READ;
    try {
      const [result] = await run(request, scope, [toCommand(statement, given)], within(way, span));
      if (mode === "write") await written(request);
      return toRows(statement, result);
    } catch (error) {
      throw toSqlError(error);
    }
  }

  async function transaction<Value>(
    request: SourceRequest,
    work: (run: (statement: SqlStatement) => Promise<string>) => Promise<Value>,
    span?: TraceSpan,
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
      await run(request, scope, NOTHING, within({ ...WRITE, proceed }, span));
    } catch (error) {
      throw toSqlError(error);
    }
    await written(request);
    if (outcome === undefined) throw new Error("a transaction ended that never began");
    return outcome.value;
  }

  return { run: runOne, transaction, tokenOf };
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
