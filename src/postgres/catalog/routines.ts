import { jsonRows } from "./json-rows.ts";
import type { NamespaceRow } from "./namespaces.ts";
import type { PgType, PgTypes } from "./type-names.ts";
import type { Relation, RelationName, Routine, RoutineParameter, RoutineReturn } from "./types.ts";

/** A row of `pg_proc`; argument lists hold parameters of every mode. */
export type RoutineRow = readonly [
  namespace: number,
  name: string,
  kind: "f" | "p",
  types: readonly number[],
  names: readonly string[] | null,
  modes: readonly string[] | null,
  defaults: number,
  result: number,
  set: boolean,
  volatility: "i" | "s" | "v",
  variadic: boolean,
  settings: readonly string[] | null,
  comment: string | null,
  oid: number,
];

/** Functions and procedures of the exposed schemas. */
export const routinesSql = jsonRows(
  [
    "p.pronamespace::int8",
    "p.proname",
    "p.prokind",
    "coalesce(p.proallargtypes, p.proargtypes::oid[])::int8[]",
    "p.proargnames",
    "p.proargmodes",
    "p.pronargdefaults",
    "p.prorettype::int8",
    "p.proretset",
    "p.provolatile",
    "p.provariadic <> 0",
    "p.proconfig",
    "d.description",
    "p.oid::int8",
  ],
  "from routine p left join pg_description d on d.objoid = p.oid and d.classoid = 'pg_proc'::regclass",
  "p.oid",
);

/** A column of a composite type. */
export type AttributeRow = readonly [relation: number, name: string, type: string, typeOid: number, position: number];

/** Columns of the composite types in use that are not exposed relations. */
export const attributesSql = jsonRows(
  ["a.attrelid::int8", "a.attname", "format_type(a.atttypid, null)", "a.atttypid::int8", "a.attnum"],
  `from used_type u
  join pg_type t on t.oid = u.oid and t.typtype = 'c'
  join pg_attribute a on a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
  where t.typrelid not in (select oid from relation)`,
  "a.attrelid, a.attnum",
);

/** What `assembleRoutines` looks things up in. */
export interface RoutineContext {
  readonly namespaces: readonly NamespaceRow[];
  readonly types: PgTypes;
  readonly relations: ReadonlyMap<number, Relation>;
  readonly attributes: readonly AttributeRow[];
}

/** Builds the callable routines by schema, then name; overloads with fewer parameters first. */
export function assembleRoutines(
  rows: readonly RoutineRow[],
  context: RoutineContext,
): Map<string, Map<string, Routine[]>> {
  const attributesOf = Map.groupBy(context.attributes, ([relation]) => relation);
  const bySchema = new Map(context.namespaces.map(([, name]) => [name, new Map<string, Routine[]>()]));
  const schemaNames = new Map(context.namespaces.map(([oid, name]) => [oid, name]));
  for (const row of rows) {
    const schema = schemaNames.get(row[0]);
    if (schema === undefined || !isCallable(row, context.types)) continue;
    const routine = toRoutine(row, schema, context, attributesOf);
    const overloads = bySchema.get(schema)?.get(routine.name);
    if (overloads === undefined) bySchema.get(schema)?.set(routine.name, [routine]);
    else overloads.push(routine);
  }
  for (const byName of bySchema.values()) {
    for (const overloads of byName.values()) overloads.sort(compareOverloads);
  }
  return bySchema;
}

const volatilities = { i: "immutable", s: "stable", v: "volatile" } as const;

/** Types of which one unnamed parameter receives a request's whole body: bytea, json, jsonb, text, xml. */
const bodyTypes: ReadonlySet<number> = new Set([17, 114, 3802, 25, 142]);

const TRIGGER = 2279;

/** Types whose bare name means a length of one, mapped to those that take any. */
const unbounded: ReadonlyMap<number, string> = new Map([
  [1042, "character varying"],
  [1014, "character varying[]"],
  [1560, "bit varying"],
  [1561, "bit varying[]"],
]);

function isCallable([, , , argumentTypes, names, modes, , result]: RoutineRow, types: PgTypes): boolean {
  if (types.base(result).oid === TRIGGER) return false;
  if (names !== null) return true;
  const inputs = argumentTypes.filter((_, index) => isInput(modes, index));
  return inputs.length === 0 || (inputs.length === 1 && bodyTypes.has(inputs[0] ?? 0));
}

function toRoutine(
  row: RoutineRow,
  schema: string,
  context: RoutineContext,
  attributesOf: ReadonlyMap<number, readonly AttributeRow[]>,
): Routine {
  const [, name, kind, , , , , , , volatility, variadic, settings, comment, oid] = row;
  return {
    oid,
    schema,
    name,
    comment,
    parameters: toParameters(row, context.types),
    returns: toReturn(row, context, attributesOf),
    volatility: volatilities[volatility],
    hasVariadic: variadic,
    isProcedure: kind === "p",
    settings: (settings ?? []).map((setting): [string, string] => {
      const end = setting.indexOf("=");
      return [setting.slice(0, end), setting.slice(end + 1)];
    }),
  };
}

function toParameters([, , , argumentTypes, names, modes, defaults]: RoutineRow, types: PgTypes): RoutineParameter[] {
  const inputs = argumentTypes.flatMap((type, index) => (isInput(modes, index) ? [{ type, index }] : []));
  return inputs.map(({ type, index }, order) => ({
    name: names?.[index] ?? "",
    type: types.get(type).name,
    declaredType: unbounded.get(type) ?? types.get(type).name,
    required: order < inputs.length - defaults,
    variadic: modes?.[index] === "v",
  }));
}

function toReturn(
  [, , , argumentTypes, names, modes, , result, set]: RoutineRow,
  { types, relations }: RoutineContext,
  attributesOf: ReadonlyMap<number, readonly AttributeRow[]>,
): RoutineReturn {
  const type = types.base(result);
  const outputs = argumentTypes.flatMap((output, index) =>
    isOutput(modes, index)
      ? [
          {
            name: names?.[index] || `column${index + 1}`,
            type: types.get(output).name,
            baseType: types.base(output).name,
          },
        ]
      : [],
  );
  const isRecord = type.isComposite || outputs.length > 0;
  const relation = relationOf(type, relations);
  const stored = (attributesOf.get(type.relation) ?? []).map(([, name, typeName, oid]) => {
    // All domains are among the types, and of other types the name is all that is needed.
    const base = types.get(oid).isDomain ? types.base(oid).name : typeName;
    return { name, type: typeName, baseType: base };
  });
  return {
    set,
    kind: type.name === "void" ? "void" : isRecord ? "composite" : "scalar",
    type: types.get(result).name,
    baseType: type.name,
    ...(relation && { relation }),
    columns: outputs.length > 0 && !type.isComposite ? outputs : stored,
  };
}

function relationOf(type: PgType, relations: ReadonlyMap<number, Relation>): RelationName | undefined {
  const relation = relations.get(type.relation);
  return relation && { schema: relation.schema, name: relation.name };
}

function isInput(modes: readonly string[] | null, index: number): boolean {
  const mode = modes?.[index] ?? "i";
  return mode === "i" || mode === "b" || mode === "v";
}

function isOutput(modes: readonly string[] | null, index: number): boolean {
  const mode = modes?.[index];
  return mode === "o" || mode === "b" || mode === "t";
}

/** The order in which the dialect lists candidates. */
function compareOverloads(a: Routine, b: Routine): number {
  return a.parameters.length - b.parameters.length || (signature(a) < signature(b) ? -1 : 1);
}

function signature({ comment, parameters }: Routine): string {
  return JSON.stringify([comment ?? "", ...parameters.map(({ name, type }) => [name, type])]);
}
