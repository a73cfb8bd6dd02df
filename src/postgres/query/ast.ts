/** What a request asks for, as parsed: names are not yet looked up. */

/** One step of a JSON path: `->key`, `->>key`, `->1`. */
export interface JsonStep {
  readonly arrow: "->" | "->>";
  readonly operand: { readonly key: string } | { readonly index: number };
}

export interface Field {
  readonly name: string;
  readonly path: readonly JsonStep[];
}

/**
 * A value of a request. `parameter` is the place among the request's query parameters whose text ends with this
 * value, so that a compiled statement can be used again with another value in the same place.
 */
export interface Value {
  readonly text: string;
  readonly parameter?: number;
}

export type AggregateFunction = "sum" | "avg" | "count" | "max" | "min";
export type JoinType = "inner" | "left";

export type SelectItem = SelectField | SelectRelation;

export interface SelectField {
  readonly kind: "field";
  /** The name `*` stands for all columns, or for the row in `count()`. */
  readonly field: Field;
  readonly aggregate?: AggregateFunction;
  readonly aggregateCast?: string;
  readonly cast?: string;
  readonly alias?: string;
}

export interface SelectRelation {
  readonly kind: "relation";
  readonly name: string;
  readonly alias?: string;
  readonly hint?: string;
  readonly join?: JoinType;
  /** Its columns join those of the parent. */
  readonly spread: boolean;
  readonly select: readonly SelectItem[];
}

export type Operation =
  | {
      readonly kind: "compare";
      readonly operator: CompareOperator;
      readonly quantifier?: Quantifier;
      readonly value: Value;
    }
  | { readonly kind: "in"; readonly values: readonly string[]; readonly parameter?: number }
  | { readonly kind: "is"; readonly literal: IsLiteral }
  | { readonly kind: "distinct"; readonly value: Value }
  | { readonly kind: "search"; readonly operator: SearchOperator; readonly language?: string; readonly value: Value };

export type Quantifier = "any" | "all";
export type IsLiteral = "null" | "not_null" | "true" | "false" | "unknown";
export type SearchOperator = "fts" | "plfts" | "phfts" | "wfts";
/** Operators that may carry `(any)` or `(all)`. */
export const QUANTIFIED_OPERATORS = ["eq", "gte", "gt", "lte", "lt", "like", "ilike", "match", "imatch"] as const;
export const SIMPLE_OPERATORS = ["neq", "cs", "cd", "ov", "sl", "sr", "nxr", "nxl", "adj"] as const;
export type CompareOperator = (typeof QUANTIFIED_OPERATORS)[number] | (typeof SIMPLE_OPERATORS)[number];

export interface Filter {
  readonly kind: "filter";
  readonly field: Field;
  readonly negated: boolean;
  readonly operation: Operation;
}

export interface LogicGroup {
  readonly kind: "and" | "or";
  readonly negated: boolean;
  readonly children: readonly LogicTree[];
}

export type LogicTree = Filter | LogicGroup;

export interface OrderTerm {
  /** An embedded to-one relation whose column orders the parent. */
  readonly relation?: string;
  readonly field: Field;
  readonly direction?: "asc" | "desc";
  readonly nulls?: "first" | "last";
}

/** Something addressed to the embedded relation at `path`; the root has the empty path. */
export interface Addressed<T> {
  readonly path: readonly string[];
  readonly item: T;
}

/** The query string of a request, parsed. */
export interface QueryTree {
  readonly select: readonly SelectItem[];
  readonly filters: readonly Addressed<Filter>[];
  readonly logic: readonly Addressed<LogicTree>[];
  readonly order: readonly Addressed<readonly OrderTerm[]>[];
  /** Absent numbers were not given or not numbers: the dialect ignores those. */
  readonly ranges: readonly Addressed<RowRange>[];
  readonly columns?: readonly string[];
  readonly onConflict?: readonly string[];
  /** Parameters without an operator, where those are arguments of a function. */
  readonly arguments: readonly GivenArgument[];
}

/** An argument of a function: its value is the whole of the request's parameter at place `parameter`. */
export interface GivenArgument {
  readonly name: string;
  readonly parameter: number;
}

/** `limit` rows from `offset` on. An absent limit: all. */
export interface RowRange {
  readonly limit?: number;
  readonly offset: number;
}
