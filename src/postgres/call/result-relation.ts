import { findRelation } from "../catalog/lookup.ts";
import type { Catalog, Column, Relation, Routine } from "../catalog/types.ts";

/** What a function's results are called where they have no columns of their own: the dialect's name, which CSV shows. */
export const VALUE_COLUMN = "pgrst_scalar";

/** What a function answers, seen as a relation to select from, and the part of the catalog that applies to it. */
export interface ResultRelation {
  readonly relation: Relation;
  readonly catalog: Catalog;
}

/**
 * The relation whose rows the function answers, or one made up of its output columns, or of its value.
 *
 * Only a relation of the catalog has relationships and computed columns: one made up may have the name of another.
 */
export function resultRelation(catalog: Catalog, routine: Routine): ResultRelation {
  const { returns } = routine;
  const found = returns.relation === undefined ? undefined : findRelation(catalog, returns.relation);
  if (found !== undefined) return { relation: found, catalog };
  const columns =
    returns.kind === "composite"
      ? returns.columns
      : [{ name: VALUE_COLUMN, type: returns.type, baseType: returns.type }];
  const relation: Relation = {
    oid: 0,
    schema: routine.schema,
    name: routine.name,
    kind: "view",
    comment: null,
    columns: new Map(columns.map((column, index) => [column.name, toColumn(column, index + 1)])),
    primaryKey: [],
    insertable: false,
    updatable: false,
    deletable: false,
  };
  return { relation, catalog: { ...catalog, relationships: new Map(), computedColumns: new Map() } };
}

function toColumn({ name, type, baseType }: Pick<Column, "name" | "type" | "baseType">, position: number): Column {
  return {
    name,
    position,
    type,
    declaredType: type,
    typeOid: 0,
    baseType,
    category: baseType.endsWith("[]") ? "A" : "U",
    isDomain: type !== baseType,
    isComposite: false,
    nullable: true,
    maxLength: null,
    default: null,
    generated: false,
    identity: null,
    enumLabels: [],
    comment: null,
  };
}
