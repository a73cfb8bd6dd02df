import { computedSql, type InheritanceRow, inheritanceSql, type RowFunctionRow } from "./computed.ts";
import { type KeyRow, keysSql } from "./keys.ts";
import { type GeoJsonRow, geoJsonSql } from "./geo-json.ts";
import { type MediaHandlerRow, mediaHandlersSql } from "./media-handlers.ts";
import { type NamespaceRow, namespacesSql } from "./namespaces.ts";
import { type ColumnRow, columnsSql, type RelationRow, relationsSql } from "./relations.ts";
import { type RepresentationRow, representationsSql } from "./representations.ts";
import { type RoleSettingRow, roleSettingsSql } from "./role-settings.ts";
import { type AttributeRow, attributesSql, type RoutineRow, routinesSql } from "./routines.ts";
import { type TypeRow, typesSql } from "./type-names.ts";
import { type ViewRuleRow, viewRulesSql } from "./view-keys.ts";

/** What one statement read of the database's own catalog: rows as JSON, to be assembled without further I/O. */
export interface Snapshot {
  readonly server: readonly [version: number];
  readonly namespaces: readonly NamespaceRow[];
  readonly relations: readonly RelationRow[];
  readonly columns: readonly ColumnRow[];
  readonly types: readonly TypeRow[];
  readonly keys: readonly KeyRow[];
  readonly viewRules: readonly ViewRuleRow[];
  readonly inheritance: readonly InheritanceRow[];
  readonly routines: readonly RoutineRow[];
  readonly attributes: readonly AttributeRow[];
  readonly rowFunctions: readonly RowFunctionRow[];
  readonly representations: readonly RepresentationRow[];
  readonly mediaHandlers: readonly MediaHandlerRow[];
  readonly roleSettings: readonly RoleSettingRow[];
  readonly rowSecurity: readonly [isUsed: boolean];
  readonly geoJson: readonly GeoJsonRow[];
}

/** The parts of a snapshot in the order of the statement's columns. */
const parts: Readonly<Record<keyof Snapshot, string>> = {
  server: "(select json_build_array(current_setting('server_version_num')::int)::text)",
  namespaces: namespacesSql,
  relations: relationsSql,
  columns: columnsSql,
  types: typesSql,
  keys: keysSql,
  viewRules: viewRulesSql,
  inheritance: inheritanceSql,
  routines: routinesSql,
  attributes: attributesSql,
  rowFunctions: computedSql,
  representations: representationsSql,
  mediaHandlers: mediaHandlersSql,
  roleSettings: roleSettingsSql,
  rowSecurity: "(select json_build_array(exists(select from pg_class where relrowsecurity))::text)",
  geoJson: geoJsonSql,
};

/**
 * One statement that reads it all: one round trip, and every part sees the same state of the database.
 * `$1` and `$2` are JSON arrays of schema names: those exposed and those of the extra search path.
 *
 * The search path is emptied first (until the transaction ends) so that PostgreSQL qualifies every type, sequence and
 * function it spells. The parts are uncorrelated subqueries of the outermost select list, which run when its one row,
 * made by that very call, is projected: after it.
 *
 * PostgreSQL compiles statements that it estimates at more than 100,000 (`jit_above_cost`), which here takes longer
 * than to run them. So there is no recursion (all domains are read, not only those in use), no subquery per column.
 */
export const snapshotSql = `
with
path as materialized (select set_config('search_path', '', true) as emptied),
exposed as materialized (
  select n.oid, s.ordinality
  from json_array_elements_text($1::json) with ordinality as s (name, ordinality)
  join pg_namespace n on n.nspname = s.name
),
searched as materialized (
  select n.oid, s.ordinality
  from json_array_elements_text($2::json) with ordinality as s (name, ordinality)
  join pg_namespace n on n.nspname = s.name
),
relation as materialized (
  select c.oid, c.relname, c.relnamespace, c.relkind, c.reltype
  from pg_class c
  where c.relnamespace in (select oid from exposed)
    and c.relkind in ('r', 'v', 'm', 'f', 'p')
    and not c.relispartition
),
view_rule as materialized (
  select r.oid, r.ev_class, r.ev_action
  from pg_rewrite r
  join pg_class c on c.oid = r.ev_class
  where r.ev_type = '1'
    and c.relkind in ('v', 'm')
    and c.relnamespace in (select oid from exposed union select oid from searched)
),
routine as materialized (
  select p.*
  from pg_proc p
  where p.pronamespace in (select oid from exposed) and p.prokind in ('f', 'p')
),
row_function as materialized (
  select p.*
  from pg_proc p
  where p.prokind = 'f'
    and p.pronargs >= 1
    and p.pronargs - p.pronargdefaults <= 1
    and p.proargtypes[0] in (select reltype from relation)
),
used_type (oid) as materialized (
  select a.atttypid
  from relation r
  join pg_attribute a on a.attrelid = r.oid
  where a.attnum > 0 and not a.attisdropped
  union
  select unnest(coalesce(proallargtypes, proargtypes::oid[]) || prorettype) from routine
  union
  select prorettype from row_function
  union
  select unnest(array[oid, typbasetype]) from pg_type where typtype = 'd'
  union
  select t.oid
  from pg_type t
  left join pg_class c on c.oid = t.typrelid
  where t.typnamespace in (select oid from exposed) and (t.typtype = 'e' or c.relkind = 'c')
)
select path.emptied, ${Object.values(parts).join(",\n")}
from path`;

/** Reads the row that `snapshotSql` answers. */
export function parseSnapshot(row: readonly (string | null)[]): Snapshot {
  const entries = Object.keys(parts).map((name, index): [string, unknown] => [
    name,
    JSON.parse(row[index + 1] ?? "[]"),
  ]);
  return Object.fromEntries(entries) as unknown as Snapshot;
}
