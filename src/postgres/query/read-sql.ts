import { columnSql, conditionSql, joinedRowIsNull, orderSql } from "./condition-sql.ts";
import { isToOne } from "./find-relationship.ts";
import type { AggregateFunction } from "./ast.ts";
import type { ChildOutput, PlannedField, ReadNode, Reference, SpreadField } from "./plan.ts";
import type { WireCast } from "../binary/value-form.ts";
import { identifier, qualified, type SqlWriter } from "./sql-text.ts";

/** What a read adds to its rows beside what the request selects. */
export interface HiddenColumns {
  /** SQL expressions over the root's columns, output as `h1`, `h2`, … beside the record. */
  readonly expressions: readonly string[];
  /** Further condition on the root. */
  readonly condition?: string;
}

/** Name of the record of selected columns. */
export const RECORD = '"hp.row"';
/** The bare name would mean a column of that name where the relation has one; as an argument the star is the row. */
const WHOLE_RECORD = `COALESCE(${RECORD}.*) AS ${RECORD}`;

const NOTHING_HIDDEN: HiddenColumns = { expressions: [] };

/**
 * The rows of a node, embedded ones included, as one SELECT.
 *
 * With hidden columns the selected ones are one record, so that they can be turned to JSON apart from the others.
 */
export function rowsSql(writer: SqlWriter, node: ReadNode, hidden: HiddenColumns = NOTHING_HIDDEN): string {
  const selected = selectionSql(writer, node).join(", ");
  const joins = node.children.map((child) => joinSql(writer, child)).join("");
  const isHiding = hidden.expressions.length > 0;
  const record = isHiding ? ` CROSS JOIN LATERAL (SELECT ${selected}) AS ${RECORD}` : "";
  const columns = isHiding
    ? [WHOLE_RECORD, ...hidden.expressions.map((sql, index) => `${sql} AS h${index + 1}`)].join(", ")
    : selected;
  const conditions = conditionsSql(writer, node);
  if (hidden.condition !== undefined) conditions.push(hidden.condition);
  return (
    `SELECT ${columns} FROM ${fromSql(node)}${joins}${record}` +
    (conditions.length === 0 ? "" : ` WHERE ${conditions.join(" AND ")}`) +
    groupSql(writer, node) +
    orderSql(writer, node.reference, node.order) +
    rangeSql(writer, node)
  );
}

/**
 * One row for each row that the request would answer without its range. Embedded relations count where they are joined
 * with `!inner` or tested for being there.
 */
export function countSql(writer: SqlWriter, node: ReadNode): string {
  const child = (joinAlias: string) => node.children.find((candidate) => candidate.joinAlias === joinAlias);
  const conditions = node.where.map((condition) =>
    conditionSql(writer, node.reference, condition, (joinAlias, negated) => {
      const tested = child(joinAlias);
      return tested === undefined ? "TRUE" : `${negated ? "" : "NOT "}EXISTS (${countSql(writer, tested)})`;
    }),
  );
  conditions.push(...joinConditions(node));
  for (const joined of node.children) {
    if (joined.join === "inner") conditions.push(`EXISTS (${countSql(writer, joined)})`);
  }
  return `SELECT 1 FROM ${fromSql(node)}${conditions.length === 0 ? "" : ` WHERE ${conditions.join(" AND ")}`}`;
}

/** What a node selects, its embedded relations included. */
export function selectionSql(writer: SqlWriter, node: ReadNode): string[] {
  // Nothing selected and nothing embedded: the rows still count, and the caller drops their columns.
  const isBare = node.select.length === 0 && node.children.length === 0;
  const own = isBare ? [`${qualified(node.reference)}.*`] : node.select.map((field) => fieldSql(writer, node, field));
  const forOrder = node.spreadOrder.map(({ select, relation }) =>
    aliased(
      columnSql(writer, relation === undefined ? node.reference : { name: relation }, select.column),
      select.alias,
    ),
  );
  const selected = [...own, ...forOrder, ...node.outputs.flatMap((output) => outputSql(writer, node, output))];
  // Where only empty embeds were selected the list is empty, which PostgreSQL allows: the row becomes {}.
  return selected;
}

function fieldSql(writer: SqlWriter, node: ReadNode, field: PlannedField): string {
  const column = columnSql(writer, node.reference, field.column);
  const shown = field.column.transform === undefined ? column : `${qualified(field.column.transform)}(${column})`;
  const cast = field.cast === undefined ? shown : castSql(writer, shown, field.cast);
  const sql = aggregateSql(writer, cast, field.aggregate, field.aggregateCast, field.column.name === "*");
  return aliased(field.wire === undefined ? sql : wireSql(sql, field.wire), field.alias);
}

/** A value as something that is known in binary format. */
function wireSql(sql: string, cast: WireCast): string {
  switch (cast) {
    case "none":
      return sql;
    case "text":
      return `(${sql})::pg_catalog.text`;
    case "texts":
      return `(${sql})::pg_catalog.text[]`;
    case "json":
      return `pg_catalog.to_json(${sql})::pg_catalog.text`;
    case "string":
      return `(pg_catalog.to_json(${sql}) OPERATOR(pg_catalog.#>>) '{}')`;
    default:
      return cast satisfies never;
  }
}

function outputSql(writer: SqlWriter, node: ReadNode, output: ChildOutput): readonly string[] {
  const alias = identifier(output.joinAlias);
  if (output.kind === "spread") return output.fields.map((field) => spreadFieldSql(writer, alias, field));
  if (output.empty) return [];
  if (node.embedsAs === "record") {
    const record = output.shape === "object" ? `pg_catalog.record_send(${alias}.*)` : `${alias}.${alias}`;
    return [`${record} AS ${identifier(output.name)}`];
  }
  if (output.shape === "object") return [`to_${node.embedsAs}(${alias}.*) AS ${identifier(output.name)}`];
  return [`COALESCE(${alias}.${alias}, '[]') AS ${identifier(output.name)}`];
}

function spreadFieldSql(writer: SqlWriter, alias: string, field: SpreadField): string {
  const column = field.name === "*" ? `${alias}.*` : `${alias}.${identifier(field.name)}`;
  return aliased(aggregateSql(writer, column, field.aggregate, field.aggregateCast, false), field.alias);
}

function joinSql(writer: SqlWriter, child: ReadNode): string {
  const alias = identifier(child.joinAlias);
  const kind = child.join === "inner" ? "INNER" : "LEFT";
  const output = child.relationship !== undefined && isToOne(child.relationship);
  const rows = rowsSql(writer, child);
  if (output) return ` ${kind} JOIN LATERAL (${rows}) AS ${alias} ON TRUE`;
  // Never the bare alias: a column of that name, of the rows or of the parent, would be meant.
  const condition = child.join === "inner" ? `${alias}.${alias} IS NOT NULL` : "TRUE";
  const rowsOf =
    child.embedsAs === "record"
      ? `pg_catalog.string_agg(pg_catalog.record_send(${alias}.*), '')`
      : `${child.embedsAs}_agg(${alias}.*)`;
  const aggregates = [`${rowsOf} AS ${alias}`, ...spreadAggregates(writer, child, alias)];
  return ` ${kind} JOIN LATERAL (SELECT ${aggregates.join(", ")} FROM (${rows}) AS ${alias}) AS ${alias} ON ${condition}`;
}

/** Each column of a to-many spread becomes an array of its own, all in the same order. */
function spreadAggregates(writer: SqlWriter, child: ReadNode, alias: string): readonly string[] {
  if (child.spread !== "many") return [];
  const names = [
    ...child.select.map((field) => field.alias ?? field.column.name),
    ...child.outputs.flatMap((output) =>
      output.kind === "spread"
        ? output.fields.map((field) => field.alias ?? field.name)
        : output.empty
          ? []
          : [output.name],
    ),
  ];
  const reference = { name: child.joinAlias };
  return names.map((name) => {
    const order = orderSql(
      writer,
      reference,
      child.spreadOrder.map(({ term }) => term),
    );
    return `COALESCE(jsonb_agg(${alias}.${identifier(name)}${order}), '[]') AS ${identifier(name)}`;
  });
}

function fromSql(node: ReadNode): string {
  const { relationship, source } = node;
  if (source !== undefined) return `${qualified(source)} AS ${identifier(node.reference.name)}`;
  if (relationship === undefined || node.parentReference === undefined) return qualified(node.relation);
  const alias = identifier(node.reference.name);
  if (relationship.kind === "computed") {
    // The cast chooses among overloads when the parent is a common table expression.
    const row = `${parentRowSql(node, node.parentReference)}::${qualified(relationship.from)}`;
    return `${qualified(relationship.function)}(${row}) AS ${alias}`;
  }
  const junction =
    relationship.junction === undefined ? "" : `, ${qualified(relationship.junction)} AS ${junctionAlias(node)}`;
  return `${qualified(node.relation)} AS ${alias}${junction}`;
}

function parentRowSql({ parentColumns }: ReadNode, parent: Reference): string {
  if (parentColumns === undefined) return `(${identifier(parent.name)}.*)`;
  return `ROW(${parentColumns.map((name) => `${identifier(parent.name)}.${identifier(name)}`).join(", ")})`;
}

function junctionAlias(node: ReadNode): string {
  return identifier(`${node.reference.name}_junction`);
}

function conditionsSql(writer: SqlWriter, node: ReadNode): string[] {
  const isOne = (joinAlias: string) => {
    const relationship = node.children.find((child) => child.joinAlias === joinAlias)?.relationship;
    return relationship !== undefined && isToOne(relationship);
  };
  const own = node.where.map((condition) =>
    conditionSql(writer, node.reference, condition, (joinAlias, negated) =>
      joinedRowIsNull(joinAlias, isOne(joinAlias), negated),
    ),
  );
  return [...own, ...joinConditions(node)];
}

function joinConditions(node: ReadNode): readonly string[] {
  const { relationship, parentReference } = node;
  if (relationship === undefined || parentReference === undefined || relationship.kind === "computed") return [];
  const own = qualified(node.reference);
  const parent = qualified(parentReference);
  const { junction } = relationship;
  if (junction === undefined) {
    return relationship.columns.map(([from, to]) => `${own}.${identifier(to)} = ${parent}.${identifier(from)}`);
  }
  const between = junctionAlias(node);
  return [
    ...junction.fromColumns.map(([from, column]) => `${between}.${identifier(column)} = ${parent}.${identifier(from)}`),
    ...junction.toColumns.map(([column, to]) => `${own}.${identifier(to)} = ${between}.${identifier(column)}`),
  ];
}

function groupSql(writer: SqlWriter, node: ReadNode): string {
  const isAggregating =
    node.select.some((field) => field.aggregate !== undefined) ||
    node.outputs.some(
      (output) => output.kind === "spread" && output.fields.some((field) => field.aggregate !== undefined),
    );
  if (!isAggregating) return "";
  const terms = [
    ...node.select
      .filter((field) => field.aggregate === undefined)
      .map((field) =>
        field.alias === undefined ? columnSql(writer, node.reference, field.column) : identifier(field.alias),
      ),
    ...node.outputs.flatMap(groupTerms),
  ];
  return terms.length === 0 ? "" : ` GROUP BY ${terms.join(", ")}`;
}

function groupTerms(output: ChildOutput): readonly string[] {
  if (output.kind === "json") return output.empty ? [] : [identifier(output.name)];
  return output.fields
    .filter((field) => field.aggregate === undefined)
    .map((field) => `${identifier(output.joinAlias)}.${identifier(field.alias ?? field.name)}`);
}

function rangeSql(writer: SqlWriter, { range }: ReadNode): string {
  // A limit that the planner can see decides between an index and a sort; it is a number of ours, not a text of theirs.
  const limit = range.limit === undefined ? "" : ` LIMIT ${Math.max(0, Math.trunc(range.limit))}`;
  if (range.offset === 0) return limit;
  return `${limit} OFFSET ${writer.bind({ kind: "constant", text: String(range.offset) })}`;
}

function aggregateSql(
  writer: SqlWriter,
  sql: string,
  aggregate: AggregateFunction | undefined,
  cast: string | undefined,
  ofRow: boolean,
): string {
  if (aggregate === undefined) return sql;
  const called = `${aggregate}(${ofRow && sql.endsWith(".*") ? "*" : sql})`;
  return cast === undefined ? called : castSql(writer, called, cast);
}

function castSql(writer: SqlWriter, sql: string, cast: string): string {
  return `CAST(${sql} AS ${writer.typeName(cast)})`;
}

function aliased(sql: string, alias: string | undefined): string {
  return alias === undefined ? sql : `${sql} AS ${identifier(alias)}`;
}
