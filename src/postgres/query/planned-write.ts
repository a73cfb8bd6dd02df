import type { Relation, RelationName } from "../catalog/types.ts";
import type { PlannedCondition } from "./plan.ts";

/** A write, resolved against the catalog. */
export interface PlannedWrite {
  readonly relation: Relation;
  readonly command: "insert" | "update" | "delete";
  readonly content: ContentForm;
  readonly columns: readonly WrittenColumn[];
  /** Members that are missing get their column's default rather than null. */
  readonly fillsDefaults: boolean;
  readonly conflict: PlannedConflict | null;
  /** Rows that are changed or deleted; of an insert, what its content must meet. */
  readonly where: readonly PlannedCondition[];
}

/**
 * How the content reaches the statement: a parameter a column, one JSON object, a list of them, or not at all. One object's
 * members as parameters cost the database a third less than the object.
 */
export type ContentForm = "members" | "object" | "list" | "none";

export interface WrittenColumn {
  readonly name: string;
  /** With its modifier, as the database spells it. */
  readonly type: string;
  /** Domain representation that makes the column's value of the content's JSON. */
  readonly transform: RelationName | undefined;
  /** SQL of its default, from the catalog. */
  readonly default: string | null;
  /** In the form `members`: the content has none of that name. */
  readonly isMissing: boolean;
}

export interface PlannedConflict {
  readonly resolution: "merge-duplicates" | "ignore-duplicates";
  /** Columns whose unique index decides. */
  readonly columns: readonly string[];
}
