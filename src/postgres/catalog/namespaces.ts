import { HotpathError } from "../../errors.ts";
import { jsonRows } from "./json-rows.ts";

/** `oid`, name, comment, and whether the user, or a role it may switch to, has USAGE. */
export type NamespaceRow = readonly [oid: number, name: string, comment: string | null, usable: boolean];

/** The exposed schemas that exist, in the order of the option. */
export const namespacesSql = jsonRows(
  [
    "n.oid::int8",
    "n.nspname",
    "obj_description(n.oid, 'pg_namespace')",
    // A server's own user often has no rights but those of the roles it switches to.
    `case when has_schema_privilege(n.oid, 'usage') then true else exists (
      select from pg_roles r where pg_has_role(r.oid, 'member') and has_schema_privilege(r.oid, n.oid, 'usage')
    ) end`,
  ],
  "from exposed e join pg_namespace n using (oid)",
  "e.ordinality",
);

/** Names the schemas there are, for whoever named one that is not. */
export const existingSchemasSql = `
select n.nspname from pg_namespace n
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
order by n.nspname
limit 50`;

/** The named schemas that do not exist. */
export function missingSchemas(named: readonly string[], rows: readonly NamespaceRow[]): string[] {
  const existing = new Set(rows.map(([, name]) => name));
  return named.filter((name) => !existing.has(name));
}

/** Says which schemas are missing and which there are. */
export function unknownSchemaError(missing: readonly string[], existing: readonly string[]): HotpathError {
  return new HotpathError(
    "HP_SCHEMA_UNKNOWN",
    `${missing.length === 1 ? "Schema" : "Schemas"} ${quoted(missing)} not found in the database. ` +
      (existing.length === 0 ? "It has no schemas." : `It has ${quoted(existing)}.`),
  );
}

/** Throws `HP_SCHEMA_UNKNOWN` when there is a schema that neither the user nor any of its roles may use. */
export function assertUsable(rows: readonly NamespaceRow[]): void {
  const refused = rows.filter(([, , , usable]) => !usable).map(([, name]) => name);
  if (refused.length === 0) return;
  throw new HotpathError(
    "HP_SCHEMA_UNKNOWN",
    `The database user, and every role it may switch to, lacks USAGE on ${quoted(refused)}.`,
    { todo: `Run: ${refused.map((name) => `grant usage on schema "${name.replaceAll('"', '""')}" to …;`).join(" ")}` },
  );
}

function quoted(names: readonly string[]): string {
  return names.map((name) => JSON.stringify(name)).join(", ");
}
