import type { Probe } from "./probe.ts";

/**
 * Notices that the structure of the database, or rights on it, may have changed, at the cost of reading a few counters: PostgreSQL counts the rows
 * that are written to its own catalog. Sessions report their counts within some seconds; a trigger that notifies `reloadChannel` is quicker.
 */
export class StructureWatch {
  #sum: string | undefined;

  /** Whether anything was written since the last call; `true` the first time, for nobody knows what was before. */
  async hasChanged(probe: Probe): Promise<boolean> {
    const [[sum] = []] = await probe.query(SUM);
    const before = this.#sum;
    this.#sum = sum ?? "";
    return before !== this.#sum;
  }
}

/** What replies depend on, and the publications. */
const CATALOGS = [
  "pg_class",
  "pg_attribute",
  "pg_type",
  "pg_enum",
  "pg_proc",
  "pg_aggregate",
  "pg_operator",
  "pg_cast",
  "pg_collation",
  "pg_index",
  "pg_constraint",
  "pg_inherits",
  "pg_rewrite",
  "pg_policy",
  "pg_trigger",
  "pg_namespace",
  "pg_publication",
  "pg_publication_rel",
  "pg_authid",
  "pg_auth_members",
  "pg_db_role_setting",
];

const SUM = `select sum(pg_stat_get_tuples_inserted(oid) + pg_stat_get_tuples_updated(oid) + pg_stat_get_tuples_deleted(oid))::text
from pg_class where relnamespace = 'pg_catalog'::regnamespace and relname in (${CATALOGS.map((name) => `'${name}'`).join(", ")})`;
