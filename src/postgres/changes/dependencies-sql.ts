import { jsonRows } from "../catalog/json-rows.ts";

/** A relation as far as its kind decides. `root` is the table it is a partition of, else 0; `rule` is a view's query. */
export type RelationRow = readonly [
  oid: number,
  kind: string,
  persistence: string,
  isGuarded: boolean,
  isSystem: boolean,
  root: number,
  rule: string | null,
];

/** Relations by `oid`. `$1`: JSON array of them. */
export const relationsSql = `select ${jsonRows(
  [
    "c.oid::int8",
    "c.relkind",
    "c.relpersistence",
    "c.relrowsecurity",
    "c.relnamespace in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace, 'pg_toast'::regnamespace)",
    "case when c.relispartition then pg_partition_root(c.oid)::oid::int8 else 0 end",
    "r.ev_action::text",
  ],
  `from pg_class c
  left join pg_rewrite r on r.ev_class = c.oid and r.ev_type = '1' and c.relkind = 'v'
  where c.oid in (select value::oid from json_array_elements_text($1::json))`,
  "c.oid",
)}`;

/** A table and one below it, at whatever depth: a partition, or a table that inherits from it. */
export type DescendantRow = readonly [ancestor: number, descendant: number];

/** `$1`: JSON array of tables. */
export const descendantsSql = `
with recursive below as (
  select value::oid as ancestor, value::oid as oid from json_array_elements_text($1::json)
  union
  select b.ancestor, i.inhrelid from below b join pg_inherits i on i.inhparent = b.oid
)
select ${jsonRows(["b.ancestor::int8", "b.oid::int8"], "from below b where b.ancestor <> b.oid", "b.ancestor, b.oid")}`;

/** A table whose changes could be followed. */
export type TableRow = readonly [
  oid: number,
  schema: string,
  name: string,
  kind: string,
  persistence: string,
  isGuarded: boolean,
  /** The user may put it into a publication. */
  isOurs: boolean,
  /** `pg_class.relreplident`. */
  identity: string,
];

/** A column that could be tagged by: of a table, stored, and equal only where it is the same byte for byte. */
export type ColumnRow = readonly [table: number, position: number, name: string, type: number];

/** An index, or (`f`) a foreign key; columns by position, 0 for expressions. */
export type KeyRow = readonly [
  table: number,
  kind: "primary" | "unique" | "index" | "foreign",
  isIdentity: boolean,
  columns: readonly number[],
];

/** Tables, their columns and keys, as three columns. `$1`: JSON array of tables. */
export const tablesSql = `
with wanted as materialized (
  select c.* from pg_class c where c.oid in (select value::oid from json_array_elements_text($1::json))
)
select ${[
  jsonRows(
    [
      "c.oid::int8",
      "n.nspname",
      "c.relname",
      "c.relkind",
      "c.relpersistence",
      "c.relrowsecurity",
      "pg_has_role(c.relowner, 'usage')",
      "c.relreplident",
    ],
    "from wanted c join pg_namespace n on n.oid = c.relnamespace",
    "c.oid",
  ),
  jsonRows(
    ["a.attrelid::int8", "a.attnum", "a.attname", "a.atttypid::int8"],
    `from wanted c
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    left join pg_collation l on l.oid = a.attcollation
    where l.oid is null or l.collisdeterministic`,
    "a.attrelid, a.attnum",
  ),
  `(select coalesce(json_agg(json_build_array(k.relid, k.kind, k.identity, k.columns) order by k.relid, k.kind, k.columns::text), '[]')::text from (
    select i.indrelid::int8 as relid,
      case when i.indisprimary then 'primary' when i.indisunique then 'unique' else 'index' end as kind,
      i.indisreplident as identity,
      (select array_agg(x.column order by x.place)
        from unnest(i.indkey::int2[]) with ordinality as x ("column", place) where x.place <= i.indnkeyatts) as columns
    from wanted c join pg_index i on i.indrelid = c.oid
    where i.indisvalid or c.relkind = 'p'
    union all
    select o.conrelid::int8, 'foreign', false, o.conkey::int2[] from wanted c join pg_constraint o on o.conrelid = c.oid where o.contype = 'f'
  ) k)`,
].join(",\n")}`;

/**
 * Functions, operators and aggregates that may answer differently for the same arguments, as three JSON arrays of `oid`. `$1` to `$3`: JSON
 * arrays of those to look at; `$4`: of functions of the system that depend on nothing but settings.
 */
export const unsteadySql = `
with steady as materialized (
  select p.oid from pg_proc p
  where p.provolatile = 'i'
    or p.pronamespace = 'pg_catalog'::regnamespace and p.provolatile = 's'
      and p.prosrc in (select value from json_array_elements_text($4::json))
)
select
  (select coalesce(json_agg(value), '[]') from json_array_elements_text($1::json) where value::oid not in (select oid from steady))::text,
  (select coalesce(json_agg(value), '[]') from json_array_elements_text($2::json)
    where not exists (select from pg_operator o join steady s on s.oid = o.oprcode where o.oid = value::oid))::text,
  (select coalesce(json_agg(value), '[]') from json_array_elements_text($3::json)
    where not exists (select from pg_proc p where p.oid = value::oid and p.pronamespace = 'pg_catalog'::regnamespace)
      and not exists (
        select from pg_aggregate g
        where g.aggfnoid = value::oid and g.aggtransfn in (select oid from steady)
          and (g.aggfinalfn = 0 or g.aggfinalfn in (select oid from steady))
      ))::text`;

/** What decides who may read the relations of `$1` (JSON array), as a hash. */
export const rightsSql = `
select md5(concat_ws('|',
  (select string_agg(concat_ws(' ', c.oid, c.relowner, c.relacl, c.relrowsecurity), ',' order by c.oid)
    from pg_class c where c.oid in (select value::oid from json_array_elements_text($1::json))),
  (select string_agg(concat_ws(' ', a.attrelid, a.attnum, a.attacl), ',' order by a.attrelid, a.attnum)
    from pg_attribute a where a.attacl is not null and a.attrelid in (select value::oid from json_array_elements_text($1::json))),
  (select string_agg(concat_ws(' ', n.oid, n.nspacl), ',' order by n.oid) from pg_namespace n where n.nspacl is not null),
  (select string_agg(concat_ws(' ', m.roleid, m.member), ',' order by m.roleid, m.member) from pg_auth_members m),
  (select string_agg(concat_ws(' ', r.oid, r.rolsuper, r.rolinherit, r.rolbypassrls), ',' order by r.oid) from pg_roles r),
  (select string_agg(concat_ws(' ', s.setdatabase, s.setrole, s.setconfig), ',' order by s.setdatabase, s.setrole) from pg_db_role_setting s)
))`;
