import type { Command } from "../pool/index.ts";
import { createTemplate } from "../query/statement.ts";

/** What may be done with a relation. */
export interface Access {
  readonly select: boolean;
  readonly insert: boolean;
  readonly update: boolean;
  readonly delete: boolean;
}

/** What a role may use of one schema. */
export interface Privileges {
  /** By `oid`; relations that the role may do nothing with are absent. */
  readonly relations: ReadonlyMap<number, Access>;
  /** Functions that it may call, by `oid`. */
  readonly functions: ReadonlySet<number>;
}

/**
 * Reads the privileges of the role that runs it on the schema `$1`, as one text that is the same while they are.
 * A relation counts as accessible to its owner and to whoever has any right on it or one of its columns.
 */
const PRIVILEGES = createTemplate(
  `SELECT json_build_array(
  (SELECT coalesce(json_agg(json_build_array(c.oid::int8, c.can_select, c.can_insert, c.can_update, c.can_delete) ORDER BY c.oid), '[]')
   FROM (
     SELECT r.oid, pg_has_role(r.relowner, 'usage') AS owned,
       has_table_privilege(r.oid, 'select') OR has_any_column_privilege(r.oid, 'select') AS can_select,
       has_table_privilege(r.oid, 'insert') OR has_any_column_privilege(r.oid, 'insert') AS can_insert,
       has_table_privilege(r.oid, 'update') OR has_any_column_privilege(r.oid, 'update') AS can_update,
       has_table_privilege(r.oid, 'delete') AS can_delete,
       has_table_privilege(r.oid, 'truncate, references, trigger') OR has_any_column_privilege(r.oid, 'references') AS other
     FROM pg_class r
     WHERE r.relnamespace = n.oid AND r.relkind IN ('r', 'p', 'f', 'v', 'm') AND NOT r.relispartition
   ) c
   WHERE c.owned OR c.can_select OR c.can_insert OR c.can_update OR c.can_delete OR c.other),
  (SELECT coalesce(json_agg(p.oid::int8 ORDER BY p.oid), '[]')
   FROM pg_proc p
   WHERE p.pronamespace = n.oid AND p.prokind = 'f' AND has_function_privilege(p.oid, 'execute'))
)::text
FROM pg_namespace n
WHERE n.nspname = $1`,
  [],
).statement;

/** The command whose one value `parsePrivileges` reads. */
export function privilegesCommand(schema: string): Command {
  return { statement: PRIVILEGES, values: [schema] };
}

/** Reads what `privilegesCommand` answered; of a schema that is gone, an empty text. */
export function parsePrivileges(text: string): Privileges {
  const [relations, functions] = JSON.parse(text || "[[],[]]") as readonly [
    readonly (readonly [oid: number, select: boolean, insert: boolean, update: boolean, delete_: boolean])[],
    readonly number[],
  ];
  return {
    relations: new Map(
      relations.map(([oid, select, insert, update, delete_]) => [oid, { select, insert, update, delete: delete_ }]),
    ),
    functions: new Set(functions),
  };
}
