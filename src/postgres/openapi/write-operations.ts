import type { Relation } from "../catalog/types.ts";
import { type DocumentContext, references } from "./context.ts";
import type { RelationParts } from "./relation-parts.ts";
import { failures, responseReference } from "./shared-responses.ts";
import type { Json } from "./swagger-schema.ts";

/** POST: one row or many. 200: the rows were there already, and have been merged or left as they were. */
export function insertOperation(
  context: DocumentContext,
  relation: Relation,
  { written, newRow }: RelationParts,
): Json {
  return {
    ...common(context, relation, "create", "Insert rows"),
    parameters: references(...INSERT_PARAMETERS, ...context.repeatable, ...context.contentProfile),
    requestBody: {
      required: true,
      content: {
        "application/json": { schema: { anyOf: [newRow, { type: "array", items: newRow }] } },
        "text/csv": { schema: { type: "string" } },
        "application/x-www-form-urlencoded": { schema: newRow },
      },
    },
    responses: { 200: written, 201: written, ...failures(409, 413, 415) },
  };
}

const INSERT_PARAMETERS = ["select", "columns", "on_conflict", "Prefer-insert"];

/** What may be done with rows that are there, by method. */
export interface WriteOperations {
  readonly put: Json;
  readonly patch: Json;
  readonly delete: Json;
}

/** PUT, PATCH and DELETE of the rows that filters choose; PUT of the one whose whole key they name. */
export function listOperations(context: DocumentContext, relation: Relation, parts: RelationParts): WriteOperations {
  const { filters, written, newRow, changes } = parts;
  const conditions = putConditions(parts);
  const keys = relation.primaryKey.map((name) => filters.get(name)).filter((filter) => filter !== undefined);
  const choosing = [...filters.values(), ...references("and", "or")];
  const given = { anyOf: [newRow, { type: "array", items: newRow, maxItems: 1 }] };
  return {
    put: {
      ...common(context, relation, "put", "Insert or replace the row that filters of its whole key name"),
      ...putting(context, [...keys, ...conditions], given, written),
    },
    patch: {
      ...common(context, relation, "update", "Change the rows that the filters choose"),
      ...changing(context, choosing, changes, written),
    },
    delete: {
      ...common(context, relation, "delete", "Delete the rows that the filters choose"),
      ...deleting(context, choosing, written),
    },
  };
}

/** The same of one row by its key in the path. */
export function rowOperations(context: DocumentContext, relation: Relation, parts: RelationParts): WriteOperations {
  const { single, newRow, changes } = parts;
  const conditions = references(...parts.conditions);
  return {
    put: {
      ...common(context, relation, "put-row", "Insert or replace the row with this key"),
      ...putting(context, putConditions(parts), newRow, single),
    },
    patch: {
      ...common(context, relation, "update-row", "Change the row with this key"),
      ...changing(context, conditions, changes, single),
    },
    delete: {
      ...common(context, relation, "delete-row", "Delete the row with this key"),
      ...deleting(context, conditions, single),
    },
  };
}

/** PUT can also demand that there be no row yet. */
function putConditions({ conditions }: RelationParts): readonly Json[] {
  return conditions.length === 0 ? [] : references(...conditions, "If-None-Match-write");
}

const DONE = responseReference("Done");

function putting(context: DocumentContext, choosing: readonly Json[], given: Json, answer: Json): Json {
  return {
    parameters: [...choosing, ...references("select", "Prefer-write", ...context.contentProfile)],
    requestBody: { required: true, content: { "application/json": { schema: given } } },
    responses: { 200: answer, 201: answer, 204: DONE, ...failures(409, 413, 415) },
  };
}

function changing(context: DocumentContext, choosing: readonly Json[], given: Json, answer: Json): Json {
  return {
    parameters: [
      ...choosing,
      ...references("select", "columns", "Prefer-write", ...context.repeatable, ...context.contentProfile),
    ],
    requestBody: { required: true, content: { "application/json": { schema: given } } },
    responses: { 200: answer, 204: DONE, ...failures(409, 413, 415) },
  };
}

function deleting(context: DocumentContext, choosing: readonly Json[], answer: Json): Json {
  return {
    parameters: [...choosing, ...references("select", "Prefer-write", ...context.contentProfile)],
    responses: { 200: answer, 204: DONE, ...failures(409) },
  };
}

function common({ operationId }: DocumentContext, { name }: Relation, verb: string, summary: string): Json {
  return { tags: [name], summary, operationId: operationId(name, verb) };
}
