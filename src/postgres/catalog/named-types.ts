import type { AttributeRow } from "./routines.ts";
import { type PgType, type PgTypes, type TypeRow } from "./type-names.ts";
import type { Attribute, NamedType, Relation } from "./types.ts";

/** Indexes enums, composite types and domains by their name as `format_type` spells it. */
export function assembleNamedTypes(
  rows: readonly TypeRow[],
  types: PgTypes,
  relations: ReadonlyMap<number, Relation>,
  attributes: readonly AttributeRow[],
): Map<string, NamedType> {
  const attributesOf = Map.groupBy(attributes, ([relation]) => relation);
  const columnsOf = (relation: number) =>
    attributesOf.get(relation)?.map(([, name, type, , position]) => ({ name, type, position })) ??
    [...(relations.get(relation)?.columns.values() ?? [])].map(({ name, type, position }) => ({
      name,
      type,
      position,
    }));
  return new Map(
    rows.flatMap(([oid]) => {
      const type = types.get(oid);
      const named = toNamedType(type, types, columnsOf);
      return named === undefined ? [] : [[type.name, named] as const];
    }),
  );
}

function toNamedType(
  type: PgType,
  types: PgTypes,
  columnsOf: (relation: number) => readonly Attribute[],
): NamedType | undefined {
  const name = { schema: type.schema, name: type.typeName };
  if (type.isDomain) return { ...name, kind: "domain", base: types.base(type.oid).name };
  if (type.enumLabels.length > 0) return { ...name, kind: "enum", labels: type.enumLabels, created: type.enumCreated };
  if (type.isComposite) return { ...name, kind: "composite", columns: columnsOf(type.relation) };
  return undefined;
}
