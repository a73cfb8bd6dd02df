import type { Span } from "../trace/span.ts";
import { durationOf, isStatement, textOf, waitOf } from "../trace/statement.ts";
import type { Detector, Finding } from "./advice.ts";

/** Statements of one shape in one request from which on they are said to be repeated. */
const REPEATED = 5;
/** Different statements, each begun after the one before had ended, from which on they are worth gathering. */
const SEQUENTIAL = 3;
const LEAST_SEQUENTIAL_MS = 5;
/** A wait is long when it is this long, and more than half of what the request took. */
const LONG_WAIT_MS = 20;

/** Finds statements that are repeated (N+1), that run one after another for no reason, and that wait for a connection. */
export const watchStatements: Detector = {
  look({ trace }, note) {
    if (!trace.hasAsked) return;
    const statements = trace.spans.filter(isStatement);
    if (statements.length >= SEQUENTIAL) {
      const repeated = findRepeated(statements);
      for (const finding of repeated) note(finding);
      const sequence = repeated.length === 0 ? findSequence(statements) : undefined;
      if (sequence !== undefined) note(sequence);
    }
    const waitMs = Math.max(0, ...statements.map(waitOf));
    if (waitMs < LONG_WAIT_MS || waitMs < trace.ms / 2) return;
    const todo = "Raise pool.max, or find what holds the connections: the slowest statements.";
    note({ kind: "long wait for a connection", ms: waitMs, seen: "", todo });
  },
};

function findRepeated(statements: readonly Span[]): readonly Finding[] {
  const byText = new Map<string, { count: number; ms: number }>();
  for (const span of statements) {
    const text = textOf(span);
    // What a transaction of a handler runs is not told one by one.
    if (text === "") continue;
    const { count, ms } = byText.get(text) ?? { count: 0, ms: 0 };
    byText.set(text, { count: count + 1, ms: ms + durationOf(span) });
  }
  return [...byText]
    .filter(([, { count }]) => count >= REPEATED)
    .map(([text, { count, ms }]) => ({
      kind: "repeated statement",
      ms,
      seen: `${count} times in one request: ${text}`,
      todo: "Ask once for all: `= any($1)`, a join, or an embedded relation (select=*,other(*)).",
    }));
}

function findSequence(statements: readonly Span[]): Finding | undefined {
  const inTurn = [...statements].sort((one, other) => one.startedMs - other.startedMs);
  let ms = 0;
  for (const [at, span] of inTurn.entries()) {
    // The order of writes may matter, and within a transaction nothing runs beside anything else.
    if (span.attribute("db.operation.name") !== "SELECT") return undefined;
    const before = inTurn[at - 1];
    if (before === undefined) continue;
    if (before.endedMs === 0 || span.startedMs < before.endedMs) return undefined;
    ms += durationOf(span);
  }
  if (ms < LEAST_SEQUENTIAL_MS) return undefined;
  return {
    kind: "one after another",
    ms,
    seen: `${inTurn.length} statements one after another: ${inTurn.map(({ name }) => name).join(", ")}`,
    todo: "Where none needs another's result, gather them: gather({ one: () => …, other: () => … }).",
  };
}
