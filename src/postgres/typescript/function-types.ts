import { findFunctions } from "../catalog/lookup.ts";
import type { Catalog, ComputedRelationship, Routine } from "../catalog/types.ts";
import { listType, type Member, objectType, union } from "./source-text.ts";
import type { ValueTypes } from "./value-types.ts";

/** The functions of a schema: those that can be called, and those that embed rows. Overloads are a union. */
export function functionMembers(catalog: Catalog, values: ValueTypes, schema: string): readonly Member[] {
  const byName = new Map<string, string[]>();
  const add = (name: string, type: string): void => {
    const before = byName.get(name);
    if (before === undefined) byName.set(name, [type]);
    else before.push(type);
  };
  const embedding = embeddingOf(catalog, schema);
  for (const name of catalog.routines.get(schema)?.keys() ?? []) {
    for (const routine of findFunctions(catalog, { schema, name })) {
      const isEmbedding = embedding.some((one) => one.function.name === name && isCalledWithRow(catalog, routine, one));
      if (!isEmbedding) add(name, calledType(values, routine));
    }
  }
  for (const relationship of embedding) add(relationship.function.name, embeddingType(values, relationship));
  return [...byName]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, types]) => ({ name, type: union(types) }));
}

function calledType(values: ValueTypes, { parameters, returns, comment }: Routine): string {
  const args = parameters.map(({ name, type, required }) => ({ name, type: values.of(type), isOptional: !required }));
  const { relation, set } = returns;
  const one = returnedType(values, returns);
  return objectType([
    { name: "Args", type: parameters.length === 0 ? "never" : objectType(args), comment },
    { name: "Returns", type: set ? listType(one) : one },
    ...(relation === undefined ? [] : [setofOptions("*", relation.name, !set, set)]),
  ]);
}

function returnedType(values: ValueTypes, { relation, columns, type }: Routine["returns"]): string {
  if (relation !== undefined) return values.ofRow(relation);
  if (columns.length === 0) return values.of(type);
  return objectType(columns.map((column) => ({ name: column.name, type: values.of(column.type) })));
}

/** Of a function from rows to rows, which `select` embeds by its name. */
function embeddingType(values: ValueTypes, { from, to, cardinality }: ComputedRelationship): string {
  const isOne = cardinality === "many-to-one";
  const row = values.ofRow(to);
  return objectType([
    { name: "Args", type: objectType([{ name: "", type: values.ofRow(from) }]) },
    { name: "Returns", type: isOne ? row : listType(row) },
    // A function of rows may always answer none.
    setofOptions(from.name, to.name, isOne, true),
  ]);
}

function setofOptions(from: string, to: string, isOneToOne: boolean, isSetofReturn: boolean): Member {
  const type = objectType([
    { name: "from", type: JSON.stringify(from) },
    { name: "to", type: JSON.stringify(to) },
    { name: "isOneToOne", type: String(isOneToOne) },
    { name: "isSetofReturn", type: String(isSetofReturn) },
  ]);
  return { name: "SetofOptions", type };
}

function embeddingOf(catalog: Catalog, schema: string): readonly ComputedRelationship[] {
  return [...catalog.relationships.values()]
    .flat()
    .flatMap((one) => (one.kind === "computed" && one.function.schema === schema ? [one] : []));
}

function isCalledWithRow(catalog: Catalog, { parameters }: Routine, { from }: ComputedRelationship): boolean {
  const [only, ...others] = parameters;
  const type = only === undefined ? undefined : catalog.namedTypes.get(only.type);
  return others.length === 0 && type?.kind === "composite" && type.schema === from.schema && type.name === from.name;
}
