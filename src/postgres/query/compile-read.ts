import type { RelationName } from "../catalog/types.ts";
import { createSqlWriter, identifier, qualified, type SqlWriter } from "./sql-text.ts";
import type { ReadNode } from "./plan.ts";
import { countSql, type HiddenColumns, RECORD, rowsSql } from "./read-sql.ts";
import { createTemplate, type Template } from "./statement.ts";
import type { BytesField } from "../pool/types.ts";
import { DialectError } from "../dialect-error.ts";
import { type CursorPlan, cursorCondition } from "./cursor-sql.ts";

/** How rows become the reply's text. */
export type RowFormat =
  | { readonly kind: "array"; readonly stripNulls: boolean }
  | { readonly kind: "object"; readonly stripNulls: boolean }
  | { readonly kind: "csv" }
  /** PostGIS's function from a row to a feature. */
  | { readonly kind: "geojson"; readonly function: RelationName }
  /** A media type handler of the database: an aggregate over the rows. Binary ones answer their bytes as hexadecimal digits. */
  | {
      readonly kind: "handler";
      readonly function: RelationName;
      readonly relation?: RelationName;
      readonly isBinary: boolean;
    }
  /** The bytes of PostgreSQL's records, to be made messages of here. */
  | { readonly kind: "records"; readonly isSingular: boolean }
  /** A function's value, which is of a media type by itself. */
  | { readonly kind: "value"; readonly isBinary: boolean };

/** What the rows are: those of a list, the one row or the one value that a function answers, or its values. */
export type RowShape =
  | { readonly kind: "rows" | "row" }
  /** In the column of that name. */
  | { readonly kind: "value" | "values"; readonly column: string };

export interface ReadOptions {
  readonly format: RowFormat;
  /** `exact` counts all rows, `planned` asks the planner, `estimated` counts up to `maxRows` and then asks the planner. */
  readonly count: "exact" | "planned" | "estimated" | null;
  readonly maxRows: number | null;
  /** Rows of the root are all rows: the page's count is the total. */
  readonly isWhole: boolean;
  /** Also read what a database function may have set: reply headers and status. */
  readonly readsReplySettings: boolean;
  /** Column whose time is the row's modification time. */
  readonly modifiedColumn: string | null;
  readonly cursor: CursorPlan | null;
  /** Whether the last row's values are answered for a cursor to the next page. Default true. */
  readonly showsCursor?: boolean;
  /** EXPLAIN instead of running: options and format from the closed sets of the media type. */
  readonly explain: { readonly format: "json" | "text"; readonly options: readonly ExplainOption[] } | null;
  /** At most one row of the root can match. */
  readonly isSingleRow: boolean;
  /** Statement whose rows the root reads, for a root with a `source`: it becomes the common table expression of that name. */
  readonly source?: (writer: SqlWriter) => string;
  /** The session's time zone is to be told with the rows. */
  readonly tellsZone?: boolean;
  /** Default: the rows of a list. */
  readonly shape?: RowShape;
  /** SQL names of the types that casts name. */
  readonly types: ReadonlyMap<string, string>;
  readonly catalogVersion: string;
}

export type ExplainOption = "analyze" | "verbose" | "settings" | "buffers" | "wal";

/** A request's shape, compiled: one statement, and one more where the planner is asked for a count. */
export interface CompiledRead {
  readonly main: Template;
  /** Answers the planner's estimate as `EXPLAIN (FORMAT JSON)`. */
  readonly plannedCount: Template | null;
  /** Place of each part in the main statement's one row; -1: not there. Without a page count there is a row if it has content. */
  readonly layout: ReadLayout;
}

export interface ReadLayout {
  readonly total: number;
  readonly pageCount: number;
  readonly body: number;
  readonly replyHeaders: number;
  readonly replyStatus: number;
  /** Milliseconds since the epoch. */
  readonly modified: number;
  /** The last row's cursor values begin here. */
  readonly cursor: number;
  /** The session's time zone. */
  readonly zone: number;
}

export function compileRead(node: ReadNode, options: ReadOptions): CompiledRead {
  const writer = createSqlWriter(options.types, unknownType);
  const { text, layout, bytes } = readSql(writer, node, options);
  return {
    main: createTemplate(explained(text, options), writer.slots, options.catalogVersion, bytes),
    plannedCount: asksPlanner(options) ? plannedCount(node, options) : null,
    layout,
  };
}

/** The read as SQL, whatever its parameters are written as. */
export function readSql(
  writer: SqlWriter,
  node: ReadNode,
  options: ReadOptions,
): { readonly text: string; readonly layout: ReadLayout; readonly bytes: BytesField | undefined } {
  const hidden = hiddenColumns(writer, node, options);
  const rows = rowsSql(writer, node, hidden);
  const columns: string[] = [];
  const add = (sql: string) => columns.push(sql) - 1;

  // Never a bare name: a column of that name would be meant.
  const shape = options.shape ?? { kind: "rows" };
  const isRecord = options.format.kind === "records";
  const row =
    "column" in shape && !isRecord
      ? `t.${identifier(shape.column)}`
      : hidden.expressions.length === 0
        ? "t.*"
        : `t.${RECORD}`;
  const isAlone = readsAlone(options);
  const isSingle = shape.kind === "row" || shape.kind === "value";
  const pageCount = isAlone ? -1 : add(isSingle ? "1" : "pg_catalog.count(*)");
  const body = add(isAlone ? rowSql(options.format, row) : bodySql(options.format, row, shape));
  const total = countsRows(options) ? add(totalSql(writer, node, options)) : -1;
  const replyHeaders = options.readsReplySettings ? add(settingSql("response.headers")) : -1;
  const replyStatus = options.readsReplySettings ? add(settingSql("response.status")) : -1;
  const modified = options.modifiedColumn === null ? -1 : add(isAlone ? "t.h1" : lastSql(1));
  const firstCursor = options.modifiedColumn === null ? 1 : 2;
  const cursorColumns = shownTerms(options).map((_, index) => add(`${lastSql(firstCursor + index)}::text`));
  const zone = options.tellsZone === true ? add("pg_catalog.current_setting('TimeZone')") : -1;
  const expressions = sourceExpressions(writer, node, options);
  if (options.format.kind === "csv") expressions.push(`source AS (${rows})`);
  const from = options.format.kind === "csv" ? "source" : `(${rows})`;
  // Settings are there to be read also where there is no row.
  const always = isAlone && options.readsReplySettings ? '(VALUES (1)) AS "hp.always" LEFT JOIN ' : "";
  const select = `SELECT ${columns.join(", ")} FROM ${always}${from} AS t${always === "" ? "" : " ON true"}`;
  const text = withSql(expressions) + select;

  return {
    text,
    layout: { total, pageCount, body, replyHeaders, replyStatus, modified, cursor: cursorColumns[0] ?? -1, zone },
    bytes: isRecord && options.explain === null ? { place: body, of: columns.length } : undefined,
  };
}

/** What the root reads from, where that is not its relation. */
function sourceExpressions(writer: SqlWriter, { source }: ReadNode, options: ReadOptions): string[] {
  if (source === undefined || options.source === undefined) return [];
  return [`${qualified(source)} AS (${options.source(writer)})`];
}

/** Common table expressions before a statement. */
export function withSql(expressions: readonly string[]): string {
  return expressions.length === 0 ? "" : `WITH ${expressions.join(", ")} `;
}

/** One row at most needs no aggregate around it, which would be a third of the statement's cost. */
function readsAlone({ isSingleRow, format, count, cursor, explain }: ReadOptions): boolean {
  const isPlain = format.kind === "array" || format.kind === "object" || format.kind === "records";
  return isSingleRow && isPlain && count === null && cursor === null && explain === null;
}

/** A row as its parts in binary format. */
function recordSql(row: string): string {
  return `pg_catalog.record_send(${row})`;
}

/** A row as a JSON object, or as the format has it. */
export function rowSql(format: RowFormat, row: string): string {
  if (format.kind === "records") return recordSql(row);
  return `${jsonSql(format, `row_to_json(${row})`)}::text`;
}

function jsonSql(format: RowFormat, json: string): string {
  return "stripNulls" in format && format.stripNulls ? `json_strip_nulls(${json})` : json;
}

function hiddenColumns(writer: SqlWriter, node: ReadNode, options: ReadOptions): HiddenColumns {
  const root = qualified(node.reference);
  const modified =
    options.modifiedColumn === null ? [] : [modifiedSql(`${root}.${identifier(options.modifiedColumn)}`)];
  // Only the last row's values are shown, so the others are not made texts, but for arrays.
  const cursor = shownTerms(options).map(
    ({ column, isArray }) => `${root}.${identifier(column)}${isArray ? "::text" : ""}`,
  );
  const condition = options.cursor === null ? undefined : cursorCondition(writer, root, options.cursor);
  return { expressions: [...modified, ...cursor], ...(condition === undefined ? {} : { condition }) };
}

function shownTerms({ cursor, showsCursor = true }: ReadOptions): CursorPlan["terms"] {
  return cursor === null || !showsCursor ? [] : cursor.terms;
}

/** Milliseconds since the epoch; null for a time that never comes or always was. */
function modifiedSql(column: string): string {
  return `CASE WHEN isfinite(${column}) THEN (extract(epoch from ${column}) * 1000)::bigint END`;
}

/** Hidden column `place` of the last row of the page. */
function lastSql(place: number): string {
  return `(array_agg(t.h${place}))[pg_catalog.count(*)]`;
}

/** All rows as the reply's text: an aggregate over what is called `t`, and `source` where the format is CSV. */
export function bodySql(format: RowFormat, row: string, shape: RowShape = { kind: "rows" }): string {
  const isSingle = shape.kind === "row" || shape.kind === "value";
  switch (format.kind) {
    case "array":
      if (isSingle) return `coalesce(${firstSql(format, row, shape)}, 'null')`;
      return `coalesce(${jsonSql(format, `json_agg(${row})`)}, '[]')::text`;
    case "object":
      return isSingle ? `coalesce(${firstSql(format, row, shape)}, 'null')` : firstSql(format, row, shape);
    case "csv":
      return csvSql();
    case "geojson": {
      const features = `coalesce(json_agg(${qualified(format.function)}(t.*)::json), '[]')`;
      return `json_build_object('type', 'FeatureCollection', 'features', ${features})::text`;
    }
    case "handler": {
      const argument = format.relation === undefined ? row : `(${row})::${qualified(format.relation)}`;
      return binarySql(format, `${qualified(format.function)}(${argument})`);
    }
    case "records":
      return `pg_catalog.string_agg(${recordSql(row)}, '')`;
    case "value":
      return binarySql(format, `(array_agg(${row}))[1]`);
    default:
      return format satisfies never;
  }
}

/** JSON of the first row or value. */
function firstSql(format: RowFormat, row: string, shape: RowShape): string {
  const json = "column" in shape ? `to_json(${row})` : `row_to_json(${row})`;
  return `(array_agg(${jsonSql(format, json)}::text))[1]`;
}

/** Results come as texts, and the text of bytes depends on a setting. */
function binarySql({ isBinary }: { readonly isBinary: boolean }, value: string): string {
  return isBinary ? `encode(${value}, 'hex')` : value;
}

/** A header of the first row's names, then each row as PostgreSQL prints a record, less its brackets. */
function csvSql(): string {
  const header =
    "(SELECT coalesce(string_agg(k, ','), '') FROM (SELECT json_object_keys(first.r)::text AS k " +
    "FROM (SELECT row_to_json(s.*) AS r FROM source AS s LIMIT 1) AS first) AS names)";
  const line = "substring((t.*)::text, 2, length((t.*)::text) - 2)";
  return `${header} || E'\\n' || coalesce(string_agg(${line}, E'\\n'), '')`;
}

function countsRows(options: ReadOptions): boolean {
  return options.count === "exact" || options.count === "estimated";
}

function asksPlanner(options: ReadOptions): boolean {
  return options.count === "planned" || options.count === "estimated";
}

function totalSql(writer: SqlWriter, node: ReadNode, options: ReadOptions): string {
  if (options.isWhole && options.maxRows === null) return "pg_catalog.count(*)";
  // Beyond the cap the planner is asked, so counting further would be wasted.
  const cap = options.count === "estimated" && options.maxRows !== null ? ` LIMIT ${options.maxRows + 1}` : "";
  return `(SELECT pg_catalog.count(*) FROM (${countSql(writer, node)}${cap}) AS counted)`;
}

function plannedCount(node: ReadNode, options: ReadOptions): Template {
  const writer = createSqlWriter(options.types, unknownType);
  const text = withSql(sourceExpressions(writer, node, options)) + countSql(writer, node);
  return createTemplate(`EXPLAIN (FORMAT JSON) ${text}`, writer.slots, options.catalogVersion);
}

/** The statement itself, or what explains it. */
export function explained(text: string, { explain }: Pick<ReadOptions, "explain">): string {
  if (explain === null) return text;
  return `EXPLAIN (${[`FORMAT ${explain.format}`, ...explain.options].join(", ").toUpperCase()}) ${text}`;
}

/** What a database function has set for the reply; null for nothing. */
export function settingSql(name: "response.headers" | "response.status"): string {
  return `nullif(current_setting('${name}', true), '')`;
}

/** What a cast to a type is answered that the database does not have. */
export function unknownType(cast: string): DialectError {
  return new DialectError("42704", 400, `type "${cast}" does not exist`);
}
