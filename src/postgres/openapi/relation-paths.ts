import type { RelationParts } from "./relation-parts.ts";
import type { Relation } from "../catalog/types.ts";
import type { DocumentContext } from "./context.ts";
import { isTimestamp } from "../read-plan.ts";
import { readOperation, readRowOperation } from "./read-operations.ts";
import { columnFilter, parameterReference } from "./shared-parameters.ts";
import { headers, responseReference } from "./shared-responses.ts";
import type { Json } from "./swagger-schema.ts";
import type { VisibleRelation } from "./visible.ts";
import type { Access } from "./privileges.ts";
import { insertOperation, listOperations, rowOperations, type WriteOperations } from "./write-operations.ts";

/** The paths of a relation, its own and that of a row, with the operations that whoever asks may use. */
export function relationPaths(context: DocumentContext, { relation, access }: VisibleRelation): Json {
  const { name, primaryKey } = relation;
  const parts = partsOf(context, relation);
  const path = `/${encodeURIComponent(name)}`;
  const list = {
    ...(access.select ? { get: readOperation(context, relation, parts) } : {}),
    ...(relation.insertable && access.insert ? { post: insertOperation(context, relation, parts) } : {}),
    ...allowed(listOperations(context, relation, parts), relation, access),
  };
  if (!context.settings.rowPaths || primaryKey.length === 0) return { [path]: list };
  const row = {
    ...(access.select ? { get: readRowOperation(context, relation, parts) } : {}),
    ...allowed(rowOperations(context, relation, parts), relation, access),
  };
  if (Object.keys(row).length === 0) return { [path]: list };
  const key = primaryKey.map((column) => `{${pathParameterName(column)}}`).join(",");
  return { [path]: list, [`${path}/${key}`]: { parameters: keyParameters(context, relation), ...row } };
}

/** Those that the relation takes, and whoever asks may use. */
function allowed(operations: WriteOperations, relation: Relation, access: Access): Partial<WriteOperations> {
  const { put, patch, delete: deletes } = operations;
  const canInsert = relation.insertable && access.insert;
  const canUpdate = relation.updatable && access.update;
  return {
    ...(canInsert && canUpdate && relation.primaryKey.length > 0 ? { put } : {}),
    ...(canUpdate ? { patch } : {}),
    ...(relation.deletable && access.delete ? { delete: deletes } : {}),
  };
}

function partsOf(context: DocumentContext, relation: Relation): RelationParts {
  const { names, schemas, parameters, components, responses, settings } = context;
  const { name, columns, insertable, updatable } = relation;
  const refer = (words: readonly string[], schema: Json): Json => {
    const component = names.of(...words);
    components[component] = schema;
    return { $ref: `#/components/schemas/${component}` };
  };
  const answer = (word: string, description: string, fields: readonly string[], content: Json): Json => {
    const component = names.of(name, word);
    responses[component] = { description, headers: headers(...fields), content };
    return responseReference(component);
  };
  const filters = new Map<string, Json>();
  for (const column of columns.values()) {
    const component = names.of("filter", name, column.name);
    parameters[component] = columnFilter(column);
    filters.set(column.name, parameterReference(component));
  }
  const row = refer([name], schemas.ofRow(relation));
  const { updatedAtColumn, conditionalWrites } = settings;
  const isDated = updatedAtColumn !== null && isTimestamp(relation, updatedAtColumn);
  const rowFields = ["ETag", ...(isDated ? ["Last-Modified"] : []), ...WRITE_FIELDS];
  return {
    filters,
    newRow: insertable ? refer([name, "new"], schemas.ofNewRow(relation)) : {},
    changes: updatable ? refer([name, "changes"], schemas.ofChanges(relation)) : {},
    rows: answer(
      "rows",
      "The rows; with `select`, of the fields that it names. 206: fewer than were counted.",
      ["Content-Range", "Content-Location", "ETag", "Preference-Applied", ...(settings.cursors ? ["Link"] : [])],
      rowContent(row, settings.planEnabled),
    ),
    written: answer(
      "written",
      "The rows that were written.",
      ["Content-Range", "Location", ...WRITE_FIELDS],
      rowContent(row, false),
    ),
    single: answer("row", "The row.", rowFields, { "application/json": { schema: row } }),
    conditions: conditionalWrites ? ["If-Match", ...(isDated ? ["If-Unmodified-Since"] : [])] : [],
  };
}

const WRITE_FIELDS = ["Preference-Applied", "Consistency-Token", "Idempotent-Replayed"];

/** What rows can be sent as. */
function rowContent(row: Json, planEnabled: boolean): Json {
  return {
    "application/json": { schema: { type: "array", items: row } },
    "application/vnd.pgrst.object+json": { schema: row },
    "text/csv": { schema: { type: "string" } },
    ...(planEnabled ? { "application/vnd.pgrst.plan+json": { schema: { type: "array" } } } : {}),
  };
}

function keyParameters({ schemas }: DocumentContext, relation: Relation): readonly Json[] {
  return relation.primaryKey.map((name) => {
    const column = relation.columns.get(name);
    return {
      name: pathParameterName(name),
      in: "path",
      required: true,
      description: column?.comment ?? "Primary key.",
      schema: column === undefined ? { type: "string" } : schemas.ofType(column.type),
    };
  });
}

/** Without what would end the template it stands in. */
function pathParameterName(column: string): string {
  return column.replace(/[{}/?#]/g, "_");
}
