import type { Relation } from "../catalog/types.ts";
import { type DocumentContext, references, rowContent } from "./context.ts";
import type { RelationParts } from "./relation-paths.ts";
import { failures, headers } from "./shared-responses.ts";
import type { Json } from "./swagger-schema.ts";

/** POST: one row or many. */
export function insertOperation(context: DocumentContext, relation: Relation, { row, newRow }: RelationParts): Json {
  const content = rowContent(row, context.settings);
  const merged = "The rows were there already, and have been merged or left as they were.";
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
      200: { description: merged, headers: WRITTEN, content },
      201: { description: "The rows were inserted.", headers: { ...WRITTEN, ...headers("Location") }, content },
      ...failures(409, 413, 415),
    },
  };
}

/** PUT, PATCH and DELETE of the rows that filters choose; PUT of the one whose whole key they name. */
export function listOperations(context: DocumentContext, relation: Relation, parts: RelationParts): WriteOperations {
  const { filters, row, newRow } = parts;
  const keys = relation.primaryKey.map((name) => filters.get(name)).filter((filter) => filter !== undefined);
  const choosing = [...filters.values(), ...references("and", "or")];
  const content = rowContent(row, context.settings);
  return {
    put: {
      ...common(context, relation, "put", "Insert or replace the row that filters of its whole key name"),
      ...putting(context, keys, { anyOf: [newRow, { type: "array", items: newRow, maxItems: 1 }] }, content),
    },
    patch: {
      ...common(context, relation, "update", "Change the rows that the filters choose"),
      ...changing(context, choosing, parts.changes, content),
    },
    delete: {
      ...common(context, relation, "delete", "Delete the rows that the filters choose"),
      ...deleting(context, choosing, content),
    },
  };
}

/** The same of one row by its key in the path. */
export function rowOperations(context: DocumentContext, relation: Relation, parts: RelationParts): WriteOperations {
  const content = { "application/json": { schema: parts.row } };
  return {
    put: {
      ...common(context, relation, "put-row", "Insert or replace the row with this key"),
      ...putting(context, [], parts.newRow, content),
    },
    patch: {
      ...common(context, relation, "update-row", "Change the row with this key"),
      ...changing(context, [], parts.changes, content),
    },
    delete: {
      ...common(context, relation, "delete-row", "Delete the row with this key"),
      ...deleting(context, [], content),
    },
  };
}

/** What may be done with rows that are there, by method. */
export interface WriteOperations {
  readonly put: Json;
  readonly patch: Json;
  readonly delete: Json;
}

const WRITTEN = headers("Content-Range", "Preference-Applied", "Consistency-Token");
const NOTHING = {
  description: "Done. `Prefer: return=representation` would have answered the rows.",
  headers: WRITTEN,
};

function putting(context: DocumentContext, choosing: readonly Json[], given: Json, content: Json): Json {
  return {
    parameters: [...choosing, ...references("select", "Prefer-write", ...context.contentProfile)],
    requestBody: { required: true, content: { "application/json": { schema: given } } },
    responses: {
      200: { description: "The row was replaced.", headers: WRITTEN, content },
      201: { description: "The row was inserted.", headers: WRITTEN, content },
      204: NOTHING,
      ...failures(409, 413, 415),
    },
  };
}

function changing(context: DocumentContext, choosing: readonly Json[], given: Json, content: Json): Json {
  return {
    parameters: [...choosing, ...references("select", "columns", "Prefer-write", ...context.contentProfile)],
    requestBody: { required: true, content: { "application/json": { schema: given } } },
    responses: {
      200: { description: "What was changed.", headers: WRITTEN, content },
      204: NOTHING,
      ...failures(409, 413, 415),
    },
  };
}

function deleting(context: DocumentContext, choosing: readonly Json[], content: Json): Json {
  return {
    parameters: [...choosing, ...references("select", "Prefer-write", ...context.contentProfile)],
    responses: {
      200: { description: "What was deleted.", headers: WRITTEN, content },
      204: NOTHING,
      ...failures(409),
    },
  };
}

function common({ operationId }: DocumentContext, { name }: Relation, verb: string, summary: string): Json {
  return { tags: [name], summary, operationId: operationId(name, verb) };
}
