import { jsonRows } from "./json-rows.ts";
import { type Representation, representationKey } from "./types.ts";

/** A cast and its function. */
export type RepresentationRow = readonly [source: string, target: string, schema: string, name: string];

/** Implicit casts by a function that the user may call, between a domain and `json` or `text`. */
export const representationsSql = jsonRows(
  ["format_type(c.castsource, null)", "format_type(c.casttarget, null)", "n.nspname", "p.proname"],
  `from pg_cast c
  join pg_type s on s.oid = c.castsource
  join pg_type t on t.oid = c.casttarget
  join pg_proc p on p.oid = c.castfunc
  join pg_namespace n on n.oid = p.pronamespace
  where c.castcontext = 'i' and c.castmethod = 'f'
    and (
      s.typtype = 'd' and t.oid in ('pg_catalog.json'::regtype, 'pg_catalog.text'::regtype)
      or t.typtype = 'd' and s.oid in ('pg_catalog.json'::regtype, 'pg_catalog.text'::regtype)
    )
    and has_function_privilege(p.oid, 'execute')`,
  "c.oid",
);

/** Indexes the casts by `representationKey`. */
export function assembleRepresentations(rows: readonly RepresentationRow[]): Map<string, Representation> {
  return new Map(
    rows.map(([source, target, schema, name]) => [
      representationKey(source, target),
      { source, target, function: { schema, name } },
    ]),
  );
}
