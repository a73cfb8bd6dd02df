import { hash } from "node:crypto";
import type { CatalogQuery } from "../catalog/catalog-query.ts";
import { TRACK_FUNCTION, TRACK_SCHEMA, TRACK_TRIGGERS } from "./trigger-names.ts";

/** A hash of the function of this version. Another one may tell something else. */
export const TRACK_FUNCTION_HASH = hash("md5", TRACK_FUNCTION, "hex");

/**
 * The tables whose triggers tell everything: all of them are there, always on, and run the function of this version.
 *
 * Left out are tables that inherit or are inherited from (a statement about one fires no trigger of the others; partitions' rows come as the root's), and
 * those that a subscription writes to, which fires no triggers of statements.
 */
export async function readTrackedTables(query: CatalogQuery): Promise<ReadonlySet<number>> {
  const rows = await query(TRACKED, [TRACK_SCHEMA, TRACK_FUNCTION_HASH, String(TRACK_TRIGGERS.length)]);
  return new Set(rows.map(([oid]) => Number(oid)));
}

const TRACKED = `select t.tgrelid::int8::text
from pg_trigger t
join pg_proc p on p.oid = t.tgfoid
join pg_namespace n on n.oid = p.pronamespace
where n.nspname = $1 and md5(p.prosrc) = $2 and t.tgenabled = 'A' and not t.tgisinternal
  and not exists (
    select from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where (i.inhrelid = t.tgrelid or i.inhparent = t.tgrelid) and not c.relispartition
  )
  and not exists (select from pg_subscription_rel s where s.srrelid = t.tgrelid)
group by t.tgrelid having count(*) = $3::int
order by t.tgrelid`;
