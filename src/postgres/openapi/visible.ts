import type { Catalog, Relation, Routine } from "../catalog/types.ts";
import type { Access, Privileges } from "./privileges.ts";

/** A relation that a document shows. */
export interface VisibleRelation {
  readonly relation: Relation;
  readonly access: Access;
}

/** What of a schema a document shows, in the order of names. */
export interface Visible {
  readonly schema: string;
  readonly relations: readonly VisibleRelation[];
  /** Functions by name, each with its overloads. Procedures are left out: the dialect does not call them. */
  readonly functions: readonly (readonly [name: string, overloads: readonly Routine[]])[];
}

const ALL: Access = { select: true, insert: true, update: true, delete: true };

/** @param privileges of whoever asks; null: everything is shown. */
export function visibleParts(catalog: Catalog, schema: string, privileges: Privileges | null): Visible {
  const relations = [...(catalog.relations.get(schema)?.values() ?? [])].flatMap((relation) => {
    const access = privileges === null ? ALL : privileges.relations.get(relation.oid);
    return access === undefined ? [] : [{ relation, access }];
  });
  const functions = [...(catalog.routines.get(schema) ?? [])].flatMap(([name, overloads]) => {
    const shown = overloads.filter(
      ({ oid, isProcedure }) => !isProcedure && (privileges === null || privileges.functions.has(oid)),
    );
    return shown.length === 0 ? [] : [[name, shown] as const];
  });
  return {
    schema,
    relations: relations.toSorted((one, other) => compare(one.relation.name, other.relation.name)),
    functions: functions.toSorted(([one], [other]) => compare(one, other)),
  };
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
