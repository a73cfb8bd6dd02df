import type { Relation } from "../catalog/types.ts";
import { type Json, reference } from "./swagger-schema.ts";

/** What operations refer to by name: the dialect's own parameters, and each relation's content and filters. */
export function* parameterDefinitions(relations: readonly Relation[]): Generator<readonly [string, Json]> {
  yield* Object.entries({
    preferParams: prefer([]),
    preferReturn: prefer(RETURN),
    preferCount: prefer(["count=none"]),
    preferPost: prefer([...RETURN, ...RESOLUTION]),
    select: parameter("select", "query", "Filtering Columns"),
    on_conflict: parameter("on_conflict", "query", "On Conflict"),
    order: parameter("order", "query", "Ordering"),
    range: parameter("Range", "header", PAGES),
    rangeUnit: { ...parameter("Range-Unit", "header", PAGES), default: "items" },
    offset: parameter("offset", "query", PAGES),
    limit: parameter("limit", "query", PAGES),
  });
  for (const relation of relations) yield* ofRelation(relation);
}

/** References to the filters of a relation's columns. */
export function filterReferences({ name, columns }: Relation): readonly Json[] {
  return [...columns.keys()].map((column) => parameterReference(`rowFilter.${name}.${column}`));
}

/** Refers to a parameter's definition. */
export function parameterReference(name: string): Json {
  return reference("parameters", name);
}

const PAGES = "Limiting and Pagination";
const RETURN = ["return=representation", "return=minimal", "return=none"];
const RESOLUTION = ["resolution=ignore-duplicates", "resolution=merge-duplicates"];

function prefer(values: readonly string[]): Json {
  return { ...parameter("Prefer", "header", "Preference"), ...(values.length === 0 ? {} : { enum: values }) };
}

function parameter(name: string, place: "query" | "header", description: string | null): Json {
  return { name, ...(description === null ? {} : { description }), required: false, in: place, type: "string" };
}

function ofRelation({ name, columns }: Relation): (readonly [string, Json])[] {
  const schema = reference("definitions", name);
  return [
    [`body.${name}`, { name, description: name, required: false, in: "body", schema }],
    ...[...columns.values()].map(
      (column) => [`rowFilter.${name}.${column.name}`, parameter(column.name, "query", column.comment)] as const,
    ),
  ];
}
