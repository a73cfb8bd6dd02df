import { findRelationships } from "../catalog/lookup.ts";
import { type Catalog, type Column, type KeyRelationship, type Relation } from "../catalog/types.ts";
import { type Member, objectType, tupleType, union, unionOfTexts } from "./source-text.ts";
import { computedOf, type ValueTypes } from "./value-types.ts";

/** `Row`, `Insert`, `Update` and `Relationships` of a relation, as `postgrest-js` reads them. */
export function relationType(catalog: Catalog, values: ValueTypes, relation: Relation): string {
  const columns = [...relation.columns.values()];
  const computed = computedMembers(catalog, values, relation);
  const { insertable, updatable } = relation;
  const isView = relation.kind.endsWith("view");
  return objectType([
    { name: "Row", type: objectType([...columns.map((column) => readMember(values, column)), ...computed]) },
    // A view is written both ways or not at all, as the client sees it.
    ...(!isView || insertable || updatable
      ? [
          { name: "Insert", type: objectType(columns.map((column) => newMember(values, column, isView))) },
          { name: "Update", type: objectType(columns.map((column) => changedMember(values, column))) },
        ]
      : []),
    { name: "Relationships", type: tupleType(keysOf(catalog, relation).map(keyType)) },
    ...(computed.length === 0
      ? []
      : [{ name: "ComputedFields", type: unionOfTexts(computed.map(({ name }) => name)) }]),
  ]);
}

function readMember(values: ValueTypes, { name, type, nullable, comment }: Column): Member {
  return { name, type: nullable ? orNull(values.of(type)) : values.of(type), comment };
}

function newMember(values: ValueTypes, column: Column, isView: boolean): Member {
  if (column.generated) return { name: column.name, type: "never", isOptional: true };
  return { ...readMember(values, column), isOptional: isView || column.nullable || column.default !== null };
}

function changedMember(values: ValueTypes, column: Column): Member {
  if (column.generated) return { name: column.name, type: "never", isOptional: true };
  return { ...readMember(values, column), isOptional: true };
}

/** Any of them may answer null. */
function computedMembers(catalog: Catalog, values: ValueTypes, relation: Relation): Member[] {
  return computedOf(catalog, relation).map(({ name, type }) => ({ name, type: orNull(values.of(type)) }));
}

/** Foreign keys that the relation carries to others of its schema, each target once. */
function keysOf(catalog: Catalog, relation: Relation): readonly KeyRelationship[] {
  const found = findRelationships(catalog, relation).flatMap((one) =>
    one.kind === "key" && one.isParentSide ? [one] : [],
  );
  return found.toSorted((one, other) =>
    one.constraint < other.constraint ? -1 : one.constraint > other.constraint ? 1 : 0,
  );
}

function keyType({ constraint, columns, cardinality, to }: KeyRelationship): string {
  return objectType([
    { name: "foreignKeyName", type: JSON.stringify(constraint) },
    { name: "columns", type: JSON.stringify(columns.map(([own]) => own)) },
    { name: "isOneToOne", type: String(cardinality === "one-to-one") },
    { name: "referencedRelation", type: JSON.stringify(to.name) },
    { name: "referencedColumns", type: JSON.stringify(columns.map(([, other]) => other)) },
  ]);
}

/** `unknown` has it already. */
function orNull(type: string): string {
  return type === "unknown" ? type : union([type, "null"]);
}
