import { jsonRows } from "./json-rows.ts";

/** A primary key (`p`), unique constraint (`u`) or foreign key (`f`); columns by position. */
export type KeyRow = readonly [
  kind: "p" | "u" | "f",
  name: string,
  table: number,
  columns: readonly number[],
  referenced: number,
  referencedColumns: readonly number[] | null,
];

/**
 * Keys of the exposed relations and of the tables that views stand on, which may be in any schema. Foreign keys that
 * partitions inherit are left out: the partitioned table has them.
 */
export const keysSql = `(
  with involved as materialized (
    select oid from relation
    union
    select d.refobjid
    from view_rule v
    join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = v.oid and d.refclassid = 'pg_class'::regclass
  )
  select ${jsonRows(
    ["k.contype", "k.conname", "k.conrelid::int8", "k.conkey", "k.confrelid::int8", "k.confkey"],
    `from pg_constraint k
    where k.conrelid in (select oid from involved)
      and (
        k.contype in ('p', 'u')
        or k.contype = 'f' and k.conparentid = 0 and k.confrelid in (select oid from involved)
      )`,
    "k.conrelid, k.conname, k.oid",
  )}
)`;

/** A foreign key; columns by position, pairwise. */
export interface ForeignKey {
  readonly name: string;
  readonly table: number;
  readonly columns: readonly number[];
  readonly referenced: number;
  readonly referencedColumns: readonly number[];
  /** Its columns are all those of the primary key or of a unique constraint, so that at most one row refers to another. */
  readonly isUnique: boolean;
}

/** Keys by the `oid` of their table. */
export interface Keys {
  readonly primary: ReadonlyMap<number, readonly number[]>;
  readonly foreign: readonly ForeignKey[];
}

/** Sorts keys by what they are for. */
export function assembleKeys(rows: readonly KeyRow[]): Keys {
  const primary = new Map<number, readonly number[]>();
  const unique = new Set<string>();
  for (const [kind, , table, columns] of rows) {
    if (kind === "f") continue;
    if (kind === "p") primary.set(table, columns);
    unique.add(columnSet(table, columns));
  }
  const foreign = rows
    .filter(([kind]) => kind === "f")
    .map(([, name, table, columns, referenced, referencedColumns]) => ({
      name,
      table,
      columns,
      referenced,
      referencedColumns: referencedColumns ?? [],
      isUnique: unique.has(columnSet(table, columns)),
    }));
  return { primary, foreign };
}

function columnSet(table: number, columns: readonly number[]): string {
  return [table, ...columns.toSorted((a, b) => a - b)].join();
}
