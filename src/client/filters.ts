/** What a column's value may be compared with. */
export interface Operators<Value> {
  readonly eq?: Value;
  readonly neq?: Value;
  readonly gt?: Value;
  readonly gte?: Value;
  readonly lt?: Value;
  readonly lte?: Value;
  readonly in?: readonly Value[];
  /** `*` stands for any text. */
  readonly like?: Value extends string | null ? string : never;
  readonly ilike?: Value extends string | null ? string : never;
  readonly is?: null | boolean;
  /** None of these. */
  readonly not?: null | readonly Value[];
}

/** Conditions that rows meet, all of them: a value to be equal to, `null`, a list of values, or operators. */
export type Where<Row> = {
  readonly [Column in keyof Row]?:
    | Row[Column]
    | readonly NonNullable<Row[Column]>[]
    | Operators<NonNullable<Row[Column]>>;
};

/** Columns by which rows are ordered, those after `-` descending. */
export type Order<Row> = readonly ((keyof Row & string) | `-${keyof Row & string}`)[];

/** Adds conditions to a query in PostgREST's dialect. */
export function addWhere(query: URLSearchParams, where: object): void {
  for (const [column, condition] of Object.entries(where) as [string, unknown][]) {
    if (condition === undefined) continue;
    const name = columnName(column);
    for (const text of conditionsOf(condition)) query.append(name, text);
  }
}

function conditionsOf(condition: unknown): readonly string[] {
  if (condition === null) return ["is.null"];
  if (Array.isArray(condition)) return [`in.${listOf(condition)}`];
  if (typeof condition !== "object" || condition instanceof Date) return [`eq.${textOf(condition)}`];
  return Object.entries(condition)
    .filter(([, operand]) => operand !== undefined)
    .map(([operator, operand]: [string, unknown]) => {
      if (operator === "not") return operand === null ? "not.is.null" : `not.in.${listOf(operand as unknown[])}`;
      if (operator === "in") return `in.${listOf(operand as unknown[])}`;
      return `${operator}.${operand === null ? "null" : textOf(operand)}`;
    });
}

function listOf(values: readonly unknown[]): string {
  return `(${values.map((value) => `"${textOf(value).replaceAll(/["\\]/g, "\\$&")}"`).join(",")})`;
}

function textOf(value: unknown): string {
  if (value instanceof Date) return value.toISOString();
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** `order=created_at.desc,id` */
export function orderText(order: readonly string[]): string {
  return order
    .map((given) => (given.startsWith("-") ? `${columnName(given.slice(1))}.desc` : columnName(given)))
    .join(",");
}

/** A column's name as the dialect reads it: quoted where it could mean more. */
export function columnName(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) ? name : `"${name.replaceAll(/["\\]/g, "\\$&")}"`;
}
