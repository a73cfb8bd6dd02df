import { jsonRows } from "./json-rows.ts";
import type { NamespaceRow } from "./namespaces.ts";
import { maxLength, type PgTypes } from "./type-names.ts";
import type { Column, Relation, RelationKind } from "./types.ts";

/** A row of `pg_class` with its comment and, for what is no plain table, what `pg_relation_is_updatable` says. */
export type RelationRow = readonly [
  oid: number,
  namespace: number,
  name: string,
  kind: string,
  comment: string | null,
  writable: number | null,
];

/** Tables, views and the like of the exposed schemas; partitions are reached through their table. */
export const relationsSql = jsonRows(
  [
    "r.oid::int8",
    "r.relnamespace::int8",
    "r.relname",
    "r.relkind",
    "d.description",
    // Asking about a foreign table whose wrapper has no handler is an error.
    "case when r.relkind = 'v' or w.fdwhandler <> 0 then pg_relation_is_updatable(r.oid, true) end",
  ],
  `from relation r
  left join pg_foreign_table f on f.ftrelid = r.oid
  left join pg_foreign_server s on s.oid = f.ftserver
  left join pg_foreign_data_wrapper w on w.oid = s.srvfdw
  left join pg_description d on d.objoid = r.oid and d.classoid = 'pg_class'::regclass and d.objsubid = 0`,
  "r.oid",
);

/** A row of `pg_attribute` with its default and comment. */
export type ColumnRow = readonly [
  relation: number,
  position: number,
  name: string,
  type: number,
  modifier: number,
  declaredType: string | null,
  notNull: boolean,
  identity: string,
  generated: string,
  default_: string | null,
  comment: string | null,
];

/** Columns of those relations. */
export const columnsSql = jsonRows(
  [
    "a.attrelid::int8",
    "a.attnum",
    "a.attname",
    "a.atttypid::int8",
    "a.atttypmod",
    "case when a.atttypmod <> -1 then format_type(a.atttypid, a.atttypmod) end",
    "a.attnotnull",
    "a.attidentity",
    "a.attgenerated",
    `case
      when a.attidentity = 'd' then format('nextval(%L)', s.objid::regclass)
      when a.attgenerated = '' then pg_get_expr(v.adbin, v.adrelid)
    end`,
    "d.description",
  ],
  `from relation r
  join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
  left join pg_depend s on a.attidentity = 'd' and s.deptype = 'i' and s.classid = 'pg_class'::regclass
    and s.refclassid = 'pg_class'::regclass and s.refobjid = a.attrelid and s.refobjsubid = a.attnum
  left join pg_attrdef v on v.adrelid = a.attrelid and v.adnum = a.attnum
  left join pg_description d on d.objoid = a.attrelid and d.classoid = 'pg_class'::regclass and d.objsubid = a.attnum`,
  "a.attrelid, a.attnum",
);

const kinds: Readonly<Record<string, RelationKind>> = {
  r: "table",
  p: "partitioned table",
  f: "foreign table",
  v: "view",
  m: "materialized view",
};

/** Bits of `pg_relation_is_updatable`: one shifted by PostgreSQL's number of the command. */
const UPDATE = 1 << 2;
const INSERT = 1 << 3;
const DELETE = 1 << 4;

/** A relation still without its key, to be completed by whoever knows the constraints. */
export type KeylessRelation = Omit<Relation, "primaryKey">;

/** Builds the relations with their columns, by `oid`. */
export function assembleRelations(
  relations: readonly RelationRow[],
  columns: readonly ColumnRow[],
  namespaces: readonly NamespaceRow[],
  types: PgTypes,
): Map<number, KeylessRelation> {
  const schemaNames = new Map(namespaces.map(([oid, name]) => [oid, name]));
  const columnsOf = Map.groupBy(columns, ([relation]) => relation);
  const byOid = new Map<number, KeylessRelation>();
  for (const [oid, namespace, name, kind, comment, writable] of relations) {
    const schema = schemaNames.get(namespace);
    if (schema === undefined) continue;
    const commands = kind === "r" || kind === "p" ? INSERT | UPDATE | DELETE : (writable ?? 0);
    byOid.set(oid, {
      oid,
      schema,
      name,
      kind: kinds[kind] ?? "table",
      comment,
      columns: new Map(columnsOf.get(oid)?.map((row) => [row[2], toColumn(row, types)])),
      insertable: (commands & INSERT) !== 0,
      updatable: (commands & UPDATE) !== 0,
      deletable: (commands & DELETE) !== 0,
    });
  }
  return byOid;
}

function toColumn(row: ColumnRow, types: PgTypes): Column {
  const [, position, name, typeOid, modifier, declaredType, notNull, identity, generated, default_, comment] = row;
  const type = types.get(typeOid);
  const base = types.base(typeOid);
  const inheritsDefault = default_ === null && generated === "" && identity === "";
  return {
    name,
    position,
    type: type.name,
    declaredType: declaredType ?? type.name,
    typeOid,
    baseType: base.name,
    category: base.category,
    isDomain: type.isDomain,
    isComposite: base.isComposite,
    nullable: !notNull && !(type.isDomain && type.notNull),
    maxLength: type.isDomain ? maxLength(type.directBase, type.directBaseModifier) : maxLength(typeOid, modifier),
    default: inheritsDefault ? type.default : default_,
    generated: generated !== "" || identity === "a",
    identity: identity === "a" ? "always" : identity === "d" ? "by default" : null,
    enumLabels: base.enumLabels,
    comment,
  };
}
