import { type Catalog, type Relation, relationKey, type Relationship } from "../catalog/types.ts";

/** Relationships that can be embedded: those within the schema. */
export function embeddable(catalog: Catalog, relation: Relation): readonly Relationship[] {
  const all = (catalog.relationships.get(relationKey(relation)) ?? []).filter(
    ({ to }) => to.schema === relation.schema,
  );
  return all.toSorted((one, other) => (sourceOf(one) < sourceOf(other) ? -1 : 1));
}

/** What embedded rows are called. */
export function embedName(relationship: Relationship): string {
  return relationship.kind === "computed" ? relationship.function.name : relationship.to.name;
}

/** What makes a relationship the same one over time. */
export function sourceOf(relationship: Relationship): string {
  if (relationship.kind === "computed") return `${relationship.function.name}()`;
  const { junction, constraint, isParentSide, toIsView, to } = relationship;
  const key = junction === undefined ? constraint : `${junction.fromConstraint}_${junction.toConstraint}`;
  return `${key}${isParentSide ? "_parent" : ""}${toIsView ? `_${to.name}` : ""}`;
}
