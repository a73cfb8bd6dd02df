import {
  type Catalog,
  type Relation,
  relationKey,
  type Relationship,
  type RelationName,
  type Routine,
} from "./types.ts";

/** The relation of that name, if it is exposed. */
export function findRelation(catalog: Catalog, { schema, name }: RelationName): Relation | undefined {
  return catalog.relations.get(schema)?.get(name);
}

/**
 * The relationships that a request of one schema may follow from a relation: to relations of that schema, and by
 * functions of that schema. In PostgREST's order.
 */
export function findRelationships(catalog: Catalog, from: RelationName, schema = from.schema): readonly Relationship[] {
  const found = catalog.relationships.get(relationKey(from)) ?? [];
  return found.filter((one) => (one.kind === "computed" ? one.function.schema : one.to.schema) === schema);
}

/** The functions of that name, those with fewer parameters first. Procedures are left out: the dialect does not call them. */
export function findFunctions(catalog: Catalog, { schema, name }: RelationName): readonly Routine[] {
  const overloads = catalog.routines.get(schema)?.get(name) ?? [];
  return overloads.filter(({ isProcedure }) => !isProcedure);
}
