import type { Relation } from "../catalog/types.ts";
import { type DocumentContext, references, rowContent } from "./context.ts";
import type { RelationParts } from "./relation-paths.ts";
import { failures, headers } from "./shared-responses.ts";
import type { Json } from "./swagger-schema.ts";

/** POST: one row or many. */
export function insertOperation(context: DocumentContext, relation: Relation, { row, newRow }: RelationParts): Json {
  const merged = written(context, row, "The rows were there already, and have been merged or left as they were.");
  const inserted = written(context, row, "The rows were inserted.");
  return {
    ...common(context, relation, "create", "Insert rows"),
    parameters: references("select", "columns", "on_conflict", "Prefer-insert", ...context.contentProfile),
    requestBody: {
      required: true,
      content: {
        "application/json": { schema: { anyOf: [newRow, { type: "array", items: newRow }] } },
        "text/csv": { schema: { type: "string" } },
        "application/x-www-form-urlencoded": { schema: newRow },
      },
    },
    responses: {
      200: merged,
      201: { ...inserted, headers: headers("Location", "Content-Range", "Preference-Applied") },
      ...failures(409, 413, 415),
    },
  };
}

/** PUT: the one row whose key the filters name. */
export function putOperation(context: DocumentContext, relation: Relation, parts: RelationParts): Json {
  const keys = relation.primaryKey.flatMap((name) => parts.filters.get(name) ?? []);
  const { row, newRow } = parts;
  return {
    ...common(context, relation, "put", "Insert or replace the row that filters of its whole key name"),
    parameters: [...keys, ...references("select", "Prefer-write", ...context.contentProfile)],
    requestBody: {
      required: true,
      content: { "application/json": { schema: { anyOf: [newRow, { type: "array", items: newRow, maxItems: 1 }] } } },
    },
    responses: {
      200: written(context, row, "The row was replaced."),
      201: written(context, row, "The row was inserted."),
      204: NOTHING,
      ...failures(409, 413, 415),
    },
  };
}

/** PATCH: the rows that the filters choose. */
export function updateOperation(context: DocumentContext, relation: Relation, parts: RelationParts): Json {
  const parameters = ["and", "or", "select", "columns", "Prefer-write", ...context.contentProfile];
  return {
    ...common(context, relation, "update", "Change the rows that the filters choose"),
    parameters: [...parts.filters.values(), ...references(...parameters)],
    requestBody: { required: true, content: { "application/json": { schema: parts.changes } } },
    responses: { 200: written(context, parts.row, "The changed rows."), 204: NOTHING, ...failures(409, 413, 415) },
  };
}

/** DELETE: the rows that the filters choose. */
export function deleteOperation(context: DocumentContext, relation: Relation, { filters, row }: RelationParts): Json {
  const parameters = ["and", "or", "select", "Prefer-write", ...context.contentProfile];
  return {
    ...common(context, relation, "delete", "Delete the rows that the filters choose"),
    parameters: [...filters.values(), ...references(...parameters)],
    responses: { 200: written(context, row, "The deleted rows."), 204: NOTHING, ...failures(409) },
  };
}

const NOTHING = {
  description: "Done. `Prefer: return=representation` would have answered the rows.",
  headers: headers("Content-Range", "Preference-Applied"),
};

function common({ operationId }: DocumentContext, { name }: Relation, verb: string, summary: string): Json {
  return { tags: [name], summary, operationId: operationId(name, verb) };
}

function written({ settings }: DocumentContext, row: Json, description: string): Json {
  return { description, headers: headers("Content-Range", "Preference-Applied"), content: rowContent(row, settings) };
}
