import type { BatchTemplate } from "../batch/template.ts";
import { createStatement, type Statement } from "../pool/index.ts";
import { CURSOR } from "./row-stream.ts";
import { readStatementText, type StatementText } from "./statement-text.ts";

/** A route's statement, as it is sent. */
export interface CompiledStatement {
  readonly statement: Statement;
  /** A cursor of its rows, each as JSON; undefined for what cannot have one. */
  readonly cursor: Statement | undefined;
  /** As it was written, with parameters: what is asked what it reads. */
  readonly plainText: string;
  /** Its one row holds a JSON array of the rows; else there are none. */
  readonly hasRows: boolean;
  /** How others that differ in their values alone share a statement with it; undefined where they cannot. */
  readonly template: BatchTemplate | undefined;
}

/**
 * Has PostgreSQL make JSON of a statement's rows, in the forms that tables have in replies.
 *
 * @param texts what stands around the values, as in a tagged template
 */
export function compileStatement(texts: readonly string[]): CompiledStatement {
  const parsed = readStatementText(join(texts, (place) => `$${place + 1}`));
  const statement = createStatement(toJsonRows(parsed));
  const mayShare = parsed.hasRows && !parsed.isWriting && texts.length > 1;
  return {
    statement,
    plainText: parsed.text,
    cursor: parsed.hasRows && !parsed.isWriting ? createStatement(toCursor(parsed)) : undefined,
    hasRows: parsed.hasRows,
    template: mayShare ? toTemplate(texts) : undefined,
  };
}

function toTemplate(texts: readonly string[]): BatchTemplate {
  const inner = toJsonRows(readStatementText(join(texts, (place) => `"hp.batch".v${place + 1}`)));
  return { inner, constants: [], varying: texts.slice(1).map((_, place) => place), catalogVersion: "" };
}

function toJsonRows({ text, mainAt, hasRows, isWriting }: StatementText): string {
  if (!hasRows) return text;
  // The line break ends a comment.
  if (!isWriting) return `${ROWS}(\n${text}\n) AS "hp.rows"`;
  const before = mainAt === 0 ? "WITH " : `${text.slice(0, mainAt)}, `;
  return `${before}"hp.rows" AS (\n${text.slice(mainAt)}\n) ${ROWS}"hp.rows"`;
}

function toCursor({ text }: StatementText): string {
  const row = 'pg_catalog.row_to_json("hp.rows")::pg_catalog.text';
  return `DECLARE ${CURSOR} NO SCROLL CURSOR FOR SELECT ${row} FROM (\n${text}\n) AS "hp.rows"`;
}

const ROWS = `SELECT coalesce(pg_catalog.json_agg("hp.rows"), '[]')::pg_catalog.text FROM `;

function join(texts: readonly string[], parameter: (place: number) => string): string {
  return texts.map((text, place) => (place === 0 ? text : parameter(place - 1) + text)).join("");
}
