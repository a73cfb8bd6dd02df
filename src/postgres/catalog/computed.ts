import { jsonRows } from "./json-rows.ts";
import type { PgTypes } from "./type-names.ts";
import { type ComputedColumn, type ComputedRelationship, type Relation, relationKey } from "./types.ts";

/** A function that can be called with one row alone. `argument` and `resultRelation` are the `oid` of relations, or 0. */
export type RowFunctionRow = readonly [
  schema: string,
  name: string,
  argument: number,
  parameters: number,
  result: number,
  resultRelation: number,
  set: boolean,
  rows: number,
  /** Place of its schema on the extra search path, `null` when it is not there. */
  searched: number | null,
];

/** Functions, of any schema, that take a row of an exposed relation. */
export const computedSql = jsonRows(
  [
    "n.nspname",
    "p.proname",
    "a.oid::int8",
    "p.pronargs",
    "p.prorettype::int8",
    "coalesce(b.oid, 0)::int8",
    "p.proretset",
    "p.prorows",
    "s.ordinality",
  ],
  `from row_function p
  join pg_namespace n on n.oid = p.pronamespace
  join relation a on a.reltype = p.proargtypes[0]
  left join relation b on b.reltype = p.prorettype
  left join searched s on s.oid = p.pronamespace`,
  "p.oid",
);

/** A relation and one it inherits from: functions of the parent's rows take the child's too. */
export type InheritanceRow = readonly [child: number, parent: number];

/** Parents of the exposed relations, nearest first for each child. */
export const inheritanceSql = jsonRows(
  ["i.inhrelid::int8", "i.inhparent::int8"],
  "from pg_inherits i where i.inhrelid in (select oid from relation)",
  "i.inhrelid, i.inhseqno",
);

/** Builds the relationships that functions from rows to rows define. */
export function assembleComputedRelationships(
  rows: readonly RowFunctionRow[],
  relations: ReadonlyMap<number, Relation>,
): ComputedRelationship[] {
  return rows.flatMap(([schema, name, argument, parameters, , resultRelation, set, resultRows]) => {
    const from = relations.get(argument);
    const to = relations.get(resultRelation);
    if (from === undefined || to === undefined || parameters !== 1) return [];
    return {
      kind: "computed" as const,
      from: { schema: from.schema, name: from.name },
      to: { schema: to.schema, name: to.name },
      cardinality: !set || resultRows === 1 ? ("many-to-one" as const) : ("one-to-many" as const),
      function: { schema, name },
      isSelf: from === to,
    };
  });
}

/** Builds the columns that functions of a row define, by `relationKey`, then name. */
export function assembleComputedColumns(
  rows: readonly RowFunctionRow[],
  inheritance: readonly InheritanceRow[],
  relations: ReadonlyMap<number, Relation>,
  types: PgTypes,
): Map<string, ReadonlyMap<string, ComputedColumn>> {
  const functionsOf = Map.groupBy(rows, ([, , argument]) => argument);
  const parentsOf = Map.groupBy(inheritance, ([child]) => child);
  const byRelation = new Map<string, ReadonlyMap<string, ComputedColumn>>();
  for (const relation of relations.values()) {
    const columns = new Map<string, ComputedColumn>();
    for (const ancestor of withAncestors(relation.oid, parentsOf)) {
      const candidates = (functionsOf.get(ancestor) ?? [])
        .filter(([schema, , , , , , , , searched]) => schema === relation.schema || searched !== null)
        .sort((a, b) => searchRank(a, relation.schema) - searchRank(b, relation.schema));
      for (const row of candidates) {
        if (!columns.has(row[1])) columns.set(row[1], toColumn(row, types));
      }
    }
    if (columns.size > 0) byRelation.set(relationKey(relation), columns);
  }
  return byRelation;
}

/** A relation and all it inherits from, the nearest first, each once. */
function withAncestors(oid: number, parentsOf: ReadonlyMap<number, readonly InheritanceRow[]>): Set<number> {
  const found = new Set([oid]);
  // A set visits what is added while it is walked.
  for (const one of found) for (const [, parent] of parentsOf.get(one) ?? []) found.add(parent);
  return found;
}

/** The order in which PostgreSQL would look: the schema served, then the extra search path. */
function searchRank([schema, , , , , , , , searched]: RowFunctionRow, own: string): number {
  return schema === own ? 0 : (searched ?? Number.MAX_SAFE_INTEGER);
}

function toColumn([schema, name, , , result, , set]: RowFunctionRow, types: PgTypes): ComputedColumn {
  const base = types.base(result);
  return {
    name,
    function: { schema, name },
    type: types.get(result).name,
    category: base.category,
    isComposite: base.isComposite,
    set,
  };
}
