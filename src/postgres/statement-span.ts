import type { TraceSpan } from "../api/source.ts";
import { type Command, type Statement, unnamedStatement } from "./pool/index.ts";
import type { TransactionScope } from "./transaction.ts";

/** Begins the span of what a request asks of the database. */
export function beginStatementSpan(
  parent: TraceSpan,
  { schema, target }: TransactionScope,
  commands: readonly Command[],
): TraceSpan {
  const statement = commands.at(0)?.statement;
  const operation = statement === undefined ? "TRANSACTION" : operationOf(statement);
  return parent.begin(target === undefined ? operation : `${operation} ${target}`, "client", {
    "db.system.name": "postgresql",
    "db.namespace": schema,
    "db.operation.name": operation,
    "db.query.text": statement?.text ?? "",
    ...(target !== undefined && { "db.collection.name": target }),
    ...(commands.length > 1 && { "db.operation.batch.size": commands.length }),
  });
}

/**
 * The commands with the span's place in its trace behind each statement, as sqlcommenter words it. No two requests share such a text, so it
 * is parsed anew and never prepared.
 */
export function withTraceComments(commands: readonly Command[], span: TraceSpan): readonly Command[] {
  // Of hexadecimal digits and dashes: nothing that a comment could end at.
  const comment = ` /*traceparent='${span.traceparent}'*/`;
  return commands.map(({ statement, values }) => ({ statement: unnamedStatement(statement.text + comment), values }));
}

const operations = new WeakMap<Statement, string>();

/** What it does to tables: the first word that says so. */
export function operationOf(statement: Statement): string {
  let operation = operations.get(statement);
  if (operation === undefined) {
    operation = /(?<!["\w])(?:insert into|update|delete from|merge into)\b/i.exec(statement.text)?.[0] ?? "SELECT";
    operation = (operation.split(" ")[0] ?? "").toUpperCase();
    operations.set(statement, operation);
  }
  return operation;
}
