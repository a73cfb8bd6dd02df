import type { CatalogQuery } from "./catalog-query.ts";

/** What `alter role … set` has given a role that requests can run as. */
export interface RoleSettings {
  /** Name and value of each setting but the isolation level, as the database keeps them. */
  readonly settings: readonly (readonly [name: string, value: string])[];
  /** `default_transaction_isolation`, which applies to the transaction it is set before. */
  readonly isolation: Isolation | undefined;
}

export type Isolation = "read committed" | "repeatable read" | "serializable";

export type RoleSettingRow = readonly [role: string, name: string, value: string, context: string];

/**
 * Settings of the roles that the connecting user may become, those for this database before those for all. Settings that PostgreSQL does
 * not list (an extension's before it is loaded) are left out, as PostgREST does; and who runs a request is not theirs to say.
 */
export const roleSettingsSql = `(
select coalesce(json_agg(json_build_array(role, name, value, context) order by role, name), '[]')::text
from (
  select distinct on (r.rolname, s.name) r.rolname as role, s.name, s.context,
    substr(entry, strpos(entry, '=') + 1) as value
  from pg_db_role_setting d
  join pg_roles r on r.oid = d.setrole
  cross join unnest(d.setconfig) as entry
  join pg_settings s on s.name = split_part(entry, '=', 1)
  where d.setdatabase in (0, (select oid from pg_database where datname = current_database()))
    and pg_has_role(current_user, r.oid, 'member')
    and s.name not in ('role', 'session_authorization')
  order by r.rolname, s.name, d.setdatabase desc
) as setting)`;

/** Settings by role, of those that the connecting user may change: `set_config` of any other would fail every request. */
export async function assembleRoleSettings(
  rows: readonly RoleSettingRow[],
  serverVersion: number,
  query: CatalogQuery,
): Promise<ReadonlyMap<string, RoleSettings>> {
  const privileged = [...new Set(rows.flatMap(([, name, , context]) => (context === "user" ? [] : [name])))];
  const granted = new Set(privileged.length === 0 ? [] : await grantedSettings(privileged, serverVersion, query));
  const roles = new Map<string, RoleSettings>();
  for (const [role, name, value, context] of rows) {
    if (context !== "user" && !granted.has(name)) continue;
    const known = roles.get(role) ?? { settings: [], isolation: undefined };
    const isIsolation = name === "default_transaction_isolation";
    roles.set(role, {
      settings: isIsolation ? known.settings : [...known.settings, [name, value]],
      isolation: isIsolation ? toIsolation(value) : known.isolation,
    });
  }
  return roles;
}

/** `grant set on parameter` came with PostgreSQL 15. */
async function grantedSettings(
  names: readonly string[],
  serverVersion: number,
  query: CatalogQuery,
): Promise<readonly string[]> {
  if (serverVersion < 150_000) return [];
  const sql =
    "select name from json_array_elements_text($1::json) as name where has_parameter_privilege(current_user, name, 'set')";
  const rows = await query(sql, [JSON.stringify(names)]);
  return rows.flatMap(([name]) => name ?? []);
}

function toIsolation(value: string): Isolation {
  const level = value.toLowerCase();
  return level === "repeatable read" || level === "serializable" ? level : "read committed";
}
