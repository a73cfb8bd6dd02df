import { jsonRows } from "./json-rows.ts";

/** Where PostGIS's function from any row to GeoJSON is; extensions may be in any schema. */
export type GeoJsonRow = readonly [schema: string, name: string];

/** At most one row. */
export const geoJsonSql = jsonRows(
  ["n.nspname", "p.proname"],
  `from pg_proc p
  join pg_namespace n on n.oid = p.pronamespace
  join pg_depend d on d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
  join pg_extension e on d.refclassid = 'pg_extension'::regclass and e.oid = d.refobjid and e.extname = 'postgis'
  where p.proname = 'st_asgeojson' and p.proargtypes[0] = 'pg_catalog.record'::regtype`,
  "p.oid",
);
