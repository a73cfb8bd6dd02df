import { jsonRows } from "./json-rows.ts";
import type { PgTypes } from "./type-names.ts";
import { type MediaHandler, relationKey } from "./types.ts";

/**
 * A function whose result is a domain named like a media type. For an aggregate: the row type it takes
 * (`pg_catalog`, `anyelement` for any); for a plain function no row type.
 */
export type MediaHandlerRow = readonly [
  domain: string,
  schema: string,
  name: string,
  rowSchema: string | null,
  rowName: string | null,
  type: number,
];

/** Aggregates over rows and functions of the exposed schemas that answer a media type. */
export const mediaHandlersSql = jsonRows(
  ["t.typname", "n.nspname", "p.proname", "rn.nspname", "r.typname", "t.oid::int8"],
  `from pg_type t
  join pg_proc p on p.prorettype = t.oid
  join pg_namespace n on n.oid = p.pronamespace
  left join pg_type r on p.prokind = 'a' and r.oid = p.proargtypes[0]
  left join pg_namespace rn on rn.oid = r.typnamespace
  where t.typtype = 'd'
    and (t.typname ~ '^[A-Za-z0-9.-]+/[A-Za-z0-9.+-]+$' or t.typname = '*/*')
    and p.pronamespace in (select oid from exposed)
    and (
      p.prokind = 'f' and not p.proretset
      or p.prokind = 'a' and p.pronargs = 1
        and (r.oid = 'pg_catalog.anyelement'::regtype or r.typtype = 'c')
    )`,
  "p.oid",
);

/** Indexes the handlers by `relationKey` of the relation or routine they are for, `*` for those of any relation. */
export function assembleMediaHandlers(
  rows: readonly MediaHandlerRow[],
  types: PgTypes,
): Map<string, readonly MediaHandler[]> {
  const handlers = rows.map(([domain, schema, name, rowSchema, rowName, type]) => {
    const relation = rowSchema === null || rowName === null ? undefined : { schema: rowSchema, name: rowName };
    const isForAny = rowSchema === "pg_catalog" && rowName === "anyelement";
    const handler: MediaHandler = {
      mediaType: domain.toLowerCase(),
      contentType: contentType(domain),
      function: { schema, name },
      type: types.get(type).name,
      isBinary: types.base(type).oid === BYTEA,
      ...(relation && !isForAny && { relation }),
    };
    return { key: isForAny ? "*" : relationKey(relation ?? { schema, name }), handler };
  });
  const grouped = new Map<string, MediaHandler[]>();
  for (const { key, handler } of handlers) {
    const list = grouped.get(key);
    if (list === undefined) grouped.set(key, [handler]);
    else list.push(handler);
  }
  return grouped;
}

const BYTEA = 17;

/** What the dialect knows to be text it marks as UTF-8. */
const TEXTS: ReadonlySet<string> = new Set([
  "application/json",
  "application/geo+json",
  "application/openapi+json",
  "application/x-www-form-urlencoded",
  "text/csv",
  "text/plain",
  "text/xml",
]);

function contentType(domain: string): string {
  if (domain === "*/*") return "application/octet-stream";
  const name = domain.toLowerCase();
  return TEXTS.has(name) ? `${name}; charset=utf-8` : domain;
}
