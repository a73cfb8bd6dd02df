import type { Relation, RelationName, Relationship } from "../catalog/types.ts";
import type { WireCast } from "../binary/value-form.ts";
import type {
  AggregateFunction,
  IsLiteral,
  JoinType,
  JsonStep,
  Quantifier,
  SearchOperator,
  CompareOperator,
  Value,
} from "./ast.ts";

/**
 * A request's rows, resolved against the catalog: a tree whose root is the requested relation and whose children are
 * embedded ones. Every identifier in it comes from the catalog; texts of the request remain only as `Value`s, output
 * names and casts (which are looked up as types before they reach SQL).
 */
export interface ReadNode {
  /** Name as requested, and the key under which the parent outputs it. */
  readonly name: string;
  readonly outputName: string;
  readonly depth: number;
  readonly relation: Relation;
  /** What column references are qualified with. */
  readonly reference: Reference;
  /** Name of the lateral subquery that joins this node to its parent. */
  readonly joinAlias: string;
  readonly relationship?: Relationship;
  readonly parentReference?: Reference;
  /** Columns that make up a row of the parent, where its rows come out of a source and have lost their type. */
  readonly parentColumns?: readonly string[];
  /** At the root: the common table expression whose rows these are, where they are not those of the relation itself. */
  readonly source?: Reference;
  readonly join: JoinType;
  readonly spread?: "one" | "many";
  select: PlannedField[];
  where: PlannedCondition[];
  order: PlannedOrder[];
  range: { limit?: number; offset: number };
  readonly children: ReadNode[];
  /** Type of embedded values. `json` is made at half the cost; `jsonb` can be grouped by; `record` is PostgreSQL's binary format. */
  embedsAs: "json" | "jsonb" | "record";
  /** What the parent selects of each child, in the order of the request. */
  outputs: ChildOutput[];
  /** Columns that a to-many spread orders by, selected beside its own under names that cannot collide. */
  spreadOrder: { select: PlannedField; relation?: string; term: PlannedOrder }[];
}

/** How SQL names a relation: qualified by schema at the root, by alias below. */
export interface Reference {
  readonly schema?: string;
  readonly name: string;
}

/** A column or part of it, ready to be rendered. */
export interface PlannedColumn {
  readonly name: string;
  readonly path: readonly JsonStep[];
  /** A path into something that is not JSON goes through `to_jsonb`. */
  readonly toJson: boolean;
  /** Searched with `to_tsvector` in this language; an empty text is the default language. */
  readonly searchLanguage?: string;
  /** Domain representation to pass the column (output) or the operand (filter) through. */
  readonly transform?: RelationName;
  /** The whole row, for `count()` of a spread relation. */
  readonly wholeRow: boolean;
}

export interface PlannedField {
  readonly column: PlannedColumn;
  readonly aggregate?: AggregateFunction;
  readonly aggregateCast?: string;
  readonly cast?: string;
  readonly alias?: string;
  /** What else is made of the value, for whoever reads it in binary format. */
  readonly wire?: WireCast;
}

export type PlannedOperation =
  | {
      readonly kind: "compare";
      readonly operator: CompareOperator;
      readonly quantifier?: Quantifier;
      readonly value: Value;
    }
  | { readonly kind: "in"; readonly values: readonly string[]; readonly parameter?: number }
  | { readonly kind: "is"; readonly literal: IsLiteral }
  | { readonly kind: "distinct"; readonly value: Value }
  | {
      readonly kind: "search";
      readonly operator: SearchOperator;
      readonly language?: string;
      readonly value: Value;
    };

export type PlannedCondition =
  | {
      readonly kind: "group";
      readonly operator: "and" | "or";
      readonly negated: boolean;
      readonly children: readonly PlannedCondition[];
    }
  | {
      readonly kind: "filter";
      readonly column: PlannedColumn;
      readonly negated: boolean;
      readonly operation: PlannedOperation;
    }
  /** Rows that have, or have not, an embedded row. */
  | { readonly kind: "embed-null"; readonly joinAlias: string; readonly negated: boolean };

export interface PlannedOrder {
  readonly column: PlannedColumn;
  /** Join alias of the embedded relation whose column this is. */
  readonly joinAlias?: string;
  readonly direction?: "asc" | "desc";
  readonly nulls?: "first" | "last";
}

export type ChildOutput =
  | {
      readonly kind: "json";
      readonly name: string;
      readonly joinAlias: string;
      readonly shape: "object" | "array";
      /** `clients()`: joined for its filters only. */
      readonly empty: boolean;
    }
  | { readonly kind: "spread"; readonly joinAlias: string; fields: SpreadField[] };

export interface SpreadField {
  readonly name: string;
  readonly aggregate?: AggregateFunction;
  readonly aggregateCast?: string;
  readonly alias?: string;
}

export interface PlanSettings {
  readonly maxRows: number | null;
  readonly aggregates: boolean;
  /** Whether an embedded relation that has an alias may also be addressed by its own name. */
  readonly legacyTargetNames: boolean;
}
