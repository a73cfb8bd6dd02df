import type { CompareOperator, IsLiteral, JsonStep, SearchOperator, Value } from "./ast.ts";
import type { PlannedColumn, PlannedCondition, PlannedOrder, Reference } from "./plan.ts";
import { bindOperand, listLiteral, type OperandUse } from "./query-string.ts";
import { identifier, qualified, type SqlWriter } from "./sql-text.ts";

const COMPARISONS: Readonly<Record<CompareOperator, string>> = {
  eq: "=",
  neq: "<>",
  gt: ">",
  gte: ">=",
  lt: "<",
  lte: "<=",
  like: "like",
  ilike: "ilike",
  match: "~",
  imatch: "~*",
  cs: "@>",
  cd: "<@",
  ov: "&&",
  sl: "<<",
  sr: ">>",
  nxr: "&<",
  nxl: "&>",
  adj: "-|-",
};

const SEARCHES: Readonly<Record<SearchOperator, string>> = {
  fts: "to_tsquery",
  plfts: "plainto_tsquery",
  phfts: "phraseto_tsquery",
  wfts: "websearch_to_tsquery",
};

const TRUTHS: Readonly<Record<IsLiteral, string>> = {
  null: "NULL",
  not_null: "NOT NULL",
  true: "TRUE",
  false: "FALSE",
  unknown: "UNKNOWN",
};

/** The column itself, or the part of it that the path leads to. */
export function columnSql(writer: SqlWriter, reference: Reference, column: PlannedColumn): string {
  if (column.wholeRow) return identifier(reference.name);
  const whole =
    column.name === "*" ? `${qualified(reference)}.*` : `${qualified(reference)}.${identifier(column.name)}`;
  const base = column.toJson ? `to_jsonb(${whole})` : whole;
  const part = base + column.path.map((step) => stepSql(writer, step)).join("");
  if (column.searchLanguage === undefined) return part;
  return `to_tsvector(${languageSql(writer, column.searchLanguage)}${part})`;
}

/**
 * @param embedNull renders the condition that an embedded relation has no row; the count of rows needs another form
 *   than the rows themselves.
 */
export function conditionSql(
  writer: SqlWriter,
  reference: Reference,
  condition: PlannedCondition,
  embedNull: (joinAlias: string, negated: boolean) => string,
): string {
  if (condition.kind === "embed-null") return embedNull(condition.joinAlias, condition.negated);
  const not = condition.negated ? "NOT " : "";
  if (condition.kind === "group") {
    const parts = condition.children.map((child) => conditionSql(writer, reference, child, embedNull));
    return `${not}(${parts.join(condition.operator === "and" ? " AND " : " OR ")})`;
  }
  return `${not}${columnSql(writer, reference, condition.column)}${operationSql(writer, condition)}`;
}

/** A row of a left join that found nothing is null as a whole; of many rows, what they were aggregated to is null. */
export function joinedRowIsNull(joinAlias: string, isOne: boolean, negated: boolean): string {
  const alias = identifier(joinAlias);
  return `${alias}.${isOne ? "*" : alias} IS ${negated ? "" : "NOT "}DISTINCT FROM NULL`;
}

export function orderSql(writer: SqlWriter, reference: Reference, order: readonly PlannedOrder[]): string {
  if (order.length === 0) return "";
  return ` ORDER BY ${order.map((term) => orderTermSql(writer, reference, term)).join(", ")}`;
}

function orderTermSql(writer: SqlWriter, reference: Reference, term: PlannedOrder): string {
  const of = term.joinAlias === undefined ? reference : { name: term.joinAlias };
  const direction = term.direction === undefined ? "" : ` ${term.direction.toUpperCase()}`;
  const nulls = term.nulls === undefined ? "" : ` NULLS ${term.nulls.toUpperCase()}`;
  return `${columnSql(writer, of, term.column)}${direction}${nulls}`;
}

function operationSql(writer: SqlWriter, condition: Extract<PlannedCondition, { kind: "filter" }>): string {
  const { column, operation } = condition;
  if (operation.kind === "is") return ` IS ${TRUTHS[operation.literal]}`;
  if (operation.kind === "distinct") return ` IS DISTINCT FROM ${valueSql(writer, operation.value)}`;
  if (operation.kind === "in") return ` = ANY(${listSql(writer, column, operation.values, operation.parameter)})`;
  if (operation.kind === "search") {
    const language = languageSql(writer, operation.language);
    return ` @@ ${SEARCHES[operation.operator]}(${language}${valueSql(writer, operation.value)})`;
  }
  const { operator, quantifier } = operation;
  const isPattern = operator === "like" || operator === "ilike";
  const value = valueSql(writer, operation.value, isPattern ? "pattern" : "text");
  const operand = isPattern || column.transform === undefined ? value : `${qualified(column.transform)}(${value})`;
  return ` ${COMPARISONS[operator]} ${quantifier === undefined ? operand : `${quantifier.toUpperCase()}(${operand})`}`;
}

function valueSql(writer: SqlWriter, value: Value, use: OperandUse = "text"): string {
  if (value.parameter !== undefined) return writer.bind({ kind: "operand", parameter: value.parameter, use });
  return writer.bind({ kind: "constant", text: bindOperand(value.text, use) ?? value.text });
}

function listSql(
  writer: SqlWriter,
  column: PlannedColumn,
  values: readonly string[],
  parameter: number | undefined,
): string {
  const list =
    parameter === undefined
      ? writer.bind({ kind: "constant", text: listLiteral(values) })
      : writer.bind({ kind: "operand", parameter, use: "list" });
  // The representation reads one text at a time, so the array is taken apart first.
  return column.transform === undefined ? list : `SELECT ${qualified(column.transform)}(unnest(${list}::text[]))`;
}

function languageSql(writer: SqlWriter, language: string | undefined): string {
  return language === undefined || language === "" ? "" : `${writer.bind({ kind: "constant", text: language })}, `;
}

function stepSql(writer: SqlWriter, { arrow, operand }: JsonStep): string {
  if ("index" in operand) return `${arrow}${writer.bind({ kind: "constant", text: String(operand.index) })}::int`;
  return `${arrow}${writer.bind({ kind: "constant", text: operand.key })}`;
}
