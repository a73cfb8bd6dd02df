import { nearest } from "../../api/nearest.ts";
import type { Catalog, Column, Relation, RelationName } from "../catalog/types.ts";
import { relationKey, representationKey } from "../catalog/types.ts";
import { DialectError } from "../dialect-error.ts";
import type { Field } from "./ast.ts";
import type { PlannedColumn, Reference } from "./plan.ts";

/** Columns every table has, which the catalog does not list. */
const SYSTEM_COLUMNS = new Set(["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"]);

/**
 * Selected where there is no such column, it counts the rows: PostgreSQL takes `x.count` for `count(x)`. Clients rely on it
 * (`cities(count)`), aggregates allowed or not.
 */
const COUNT = "count";

/** Which side of a domain representation a column is read on. */
export type ColumnUse = "output" | "filter" | "order";

/**
 * Looks a requested field up.
 *
 * @throws DialectError 42703, as PostgreSQL would answer a column that is not there.
 */
export function resolveColumn(
  catalog: Catalog,
  relation: Relation,
  reference: Reference,
  field: Field,
  use: ColumnUse,
): PlannedColumn {
  // Only `select` has the star; elsewhere the name was in quotes and is a column's.
  if (field.name === "*" && field.path.length === 0 && use === "output") {
    return { name: "*", path: [], toJson: false, wholeRow: false };
  }
  const column = relation.columns.get(field.name);
  const computed = column === undefined ? computedType(catalog, relation, field.name) : undefined;
  const isCount = field.name === COUNT && field.path.length === 0 && use === "output";
  if (column === undefined && computed === undefined && !SYSTEM_COLUMNS.has(field.name) && !isCount) {
    throw unknownColumn(relation, reference, field.name);
  }
  const type = column?.type ?? computed ?? "";
  const transform = column === undefined ? undefined : transformOf(catalog, column, use);
  return {
    name: field.name,
    path: field.path,
    toJson: field.path.length > 0 && type !== "json" && type !== "jsonb",
    wholeRow: false,
    ...(transform === undefined ? {} : { transform }),
  };
}

/** Whether text search takes the column as it is. Of what functions compute the dialect takes that for granted. */
export function isSearchVector(relation: Relation, name: string): boolean {
  const column = relation.columns.get(name);
  return column === undefined || column.baseType === "tsvector";
}

/** Whether `*` of the relation outputs something else than the columns as they are. */
export function hasOutputRepresentation(catalog: Catalog, relation: Relation): boolean {
  if (catalog.representations.size === 0) return false;
  for (const column of relation.columns.values()) {
    if (catalog.representations.has(representationKey(column.type, "json"))) return true;
  }
  return false;
}

function transformOf(catalog: Catalog, column: Column, use: ColumnUse): RelationName | undefined {
  if (use === "order" || catalog.representations.size === 0) return undefined;
  const key = use === "output" ? representationKey(column.type, "json") : representationKey("text", column.type);
  return catalog.representations.get(key)?.function;
}

function computedType(catalog: Catalog, relation: Relation, name: string): string | undefined {
  return catalog.computedColumns.get(relationKey(relation))?.get(name)?.type;
}

function unknownColumn(relation: Relation, reference: Reference, name: string): DialectError {
  const hint = nearest(name, relation.columns.keys());
  return new DialectError("42703", 400, `column ${reference.name}.${name} does not exist`, {
    hint: hint === undefined ? null : `Perhaps you meant to reference the column "${reference.name}.${hint}".`,
  });
}
