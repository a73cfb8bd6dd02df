import {
  bodySql,
  explained,
  type ReadOptions,
  type RowFormat,
  rowSql,
  settingSql,
  unknownType,
  withSql,
} from "./compile-read.ts";
import type { ReadNode, Reference } from "./plan.ts";
import type { PlannedWrite } from "./planned-write.ts";
import { RECORD, rowsSql, selectionSql } from "./read-sql.ts";
import { createSqlWriter, identifier, qualified, type SqlWriter } from "./sql-text.ts";
import { createTemplate, type Template } from "./statement.ts";
import { MERGED_COUNT_SQL, writeSql } from "./write-sql.ts";

/** Common table expression that holds what a write returned. */
export const WRITTEN: Reference = { name: "hp.written" };

export interface WriteOptions {
  /** How the rows are answered; null: not at all. */
  readonly format: RowFormat | null;
  /** Columns whose values name the row, where it is one. */
  readonly location: readonly string[];
  readonly countsMerged: boolean;
  readonly readsReplySettings: boolean;
  readonly explain: ReadOptions["explain"];
  readonly types: ReadonlyMap<string, string>;
  readonly catalogVersion: string;
}

/** A write's shape, compiled: one statement. */
export interface CompiledWrite {
  readonly main: Template;
  /** What the statement answers: a row for each that was written, one about all of them, or none, and its tag counts. */
  readonly answers: "each" | "all" | "tag";
  readonly layout: WriteLayout;
}

/** Place of each part in a row of the answer; -1: not there. */
export interface WriteLayout {
  readonly count: number;
  readonly body: number;
  /** Values of the location's columns begin here. */
  readonly location: number;
  readonly merged: number;
  readonly replyHeaders: number;
  readonly replyStatus: number;
}

/** @param node what is answered of the rows: those of the relation where they are answered directly, else those of `WRITTEN`. */
export function compileWrite(write: PlannedWrite, node: ReadNode, options: WriteOptions): CompiledWrite {
  const writer = createSqlWriter(options.types, unknownType);
  const { format, location } = options;
  const isDirect = node.source === undefined;
  const columns: string[] = [];
  const add = (sql: string) => columns.push(sql) - 1;
  const body = format === null ? -1 : add(isDirect ? directBodySql(writer, node, format) : bodySql(format, "t.*"));
  const locations = location.map((name) => add(isDirect ? locationSql(write, name) : onlySql(`t.${identifier(name)}`)));
  const merged = options.countsMerged ? add(MERGED_COUNT_SQL) : -1;
  const replyHeaders = options.readsReplySettings ? add(settingSql("response.headers")) : -1;
  const replyStatus = options.readsReplySettings ? add(settingSql("response.status")) : -1;
  const answers = columns.length === 0 ? "tag" : isDirect ? "each" : "all";
  const count = answers === "all" ? add("pg_catalog.count(*)") : -1;

  const text =
    answers === "all"
      ? aroundSql(writer, write, node, options, columns)
      : writeSql(writer, write, answers === "tag" ? null : columns);
  const isRecord = format?.kind === "records" && options.explain === null;
  const bytes = isRecord ? { place: body, of: columns.length } : undefined;
  return {
    main: createTemplate(explained(text, options), writer.slots, options.catalogVersion, bytes),
    answers,
    layout: { count, body, location: locations[0] ?? -1, merged, replyHeaders, replyStatus },
  };
}

/** The write as a common table expression, and a statement that answers one row about what it returned. */
function aroundSql(
  writer: SqlWriter,
  write: PlannedWrite,
  node: ReadNode,
  { format, location }: WriteOptions,
  columns: readonly string[],
): string {
  const returned = format === null ? location : [...location, ...neededColumns(node)];
  const written = `${qualified(WRITTEN)} AS (${writeSql(writer, write, returningSql(write, returned))})`;
  const select = `SELECT ${columns.join(", ")} FROM `;
  if (format === null) return `${withSql([written])}${select}${qualified(WRITTEN)} AS t`;
  const rows = rowsSql(writer, node);
  if (format.kind === "csv") return `${withSql([written, `source AS (${rows})`])}${select}source AS t`;
  return `${withSql([written])}${select}(${rows}) AS t`;
}

function directBodySql(writer: SqlWriter, node: ReadNode, format: RowFormat): string {
  return `(SELECT ${rowSql(format, `${RECORD}.*`)} FROM (SELECT ${selectionSql(writer, node).join(", ")}) AS ${RECORD})`;
}

function locationSql({ relation }: PlannedWrite, name: string): string {
  return `${qualified(relation)}.${identifier(name)}::text`;
}

/** The value in the only row, where it is one. */
function onlySql(column: string): string {
  return `(array_agg(${column}::text))[1]`;
}

/** Columns of the root that selecting, ordering and joining take. Only those are returned: a role may not be allowed to see others. */
function neededColumns(node: ReadNode): readonly string[] {
  const selected = node.select.filter(({ column }) => column.name !== "*").map(({ column }) => column.name);
  const ordered = node.order.filter(({ joinAlias }) => joinAlias === undefined).map(({ column }) => column.name);
  const joined = node.children.flatMap(({ relationship }) => {
    if (relationship === undefined) return [];
    // A function of a row takes all of it.
    if (relationship.kind === "computed") return [...node.relation.columns.keys()];
    return (relationship.junction?.fromColumns ?? relationship.columns).map(([from]) => from);
  });
  return [...joined, ...selected, ...ordered];
}

function returningSql({ relation }: PlannedWrite, names: readonly string[]): readonly string[] {
  // Rows count although nothing of them is needed, and a constant takes no right to see them.
  if (names.length === 0) return ["1"];
  return [...new Set(names)].map((name) => `${qualified(relation)}.${identifier(name)}`);
}
