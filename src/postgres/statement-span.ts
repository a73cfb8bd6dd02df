import type { SpanAttribute, TraceSpan } from "../api/source-request.ts";
import { type Command, type Statement, unnamedStatement } from "./pool/index.ts";
import type { TransactionScope } from "./transaction.ts";

/** Begins the span of what a request asks of the database. */
export function beginStatementSpan(
  parent: TraceSpan,
  scope: TransactionScope,
  commands: readonly Command[],
): TraceSpan {
  const statement = commands.at(0)?.statement;
  const { name, attributes } = statement === undefined ? OPENING : describe(statement, scope);
  const span = parent.begin(name, "client", attributes);
  if (commands.length > 1) span.set("db.operation.batch.size", commands.length);
  return span;
}

interface Description {
  readonly schema: string;
  readonly target: string | undefined;
  readonly name: string;
  readonly attributes: Readonly<Record<string, SpanAttribute>>;
}

/** A transaction of our own making, whose statements come later. */
const OPENING = {
  name: "TRANSACTION",
  attributes: { "db.system.name": "postgresql", "db.operation.name": "TRANSACTION", "db.query.text": "" },
};

const descriptions = new WeakMap<Statement, Description>();

/** Made once a statement, which as a rule is asked of the same relation each time. */
function describe(statement: Statement, { schema, target }: TransactionScope): Description {
  const known = descriptions.get(statement);
  if (known !== undefined && known.target === target && known.schema === schema) return known;
  const operation = operationOf(statement);
  const attributes = {
    "db.system.name": "postgresql",
    "db.namespace": schema,
    "db.operation.name": operation,
    "db.query.text": statement.text,
    ...(target !== undefined && { "db.collection.name": target }),
  };
  const made = { schema, target, name: target === undefined ? operation : `${operation} ${target}`, attributes };
  descriptions.set(statement, made);
  return made;
}

/**
 * The commands with the span's place in its trace behind each statement, as sqlcommenter words it. No two requests share such a text, so it
 * is parsed anew and never prepared.
 */
export function withTraceComments(commands: readonly Command[], span: TraceSpan): readonly Command[] {
  // Of hexadecimal digits and dashes: nothing that a comment could end at.
  const comment = ` /*traceparent='${span.traceparent}'*/`;
  return commands.map(({ statement: { text, bytes }, values }) => ({
    statement: { ...unnamedStatement(text + comment), bytes },
    values,
  }));
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
