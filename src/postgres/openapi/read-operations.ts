import { findRelationships } from "../catalog/lookup.ts";
import type { Catalog, Relation } from "../catalog/types.ts";
import { splitComment } from "./comment.ts";
import { type DocumentContext, references } from "./context.ts";
import type { RelationParts } from "./relation-parts.ts";
import { failures } from "./shared-responses.ts";
import type { Json } from "./swagger-schema.ts";

/** GET of a relation. HEAD answers the same without the rows, and is not listed: documents would be a fifth longer. */
export function readOperation(context: DocumentContext, relation: Relation, { filters, rows }: RelationParts): Json {
  const { settings } = context;
  const pages = ["order", "limit", "offset", ...(settings.cursors ? ["after"] : [])];
  const fields = ["Range", "Range-Unit", "Prefer-read", "If-None-Match", "Consistency-Token"];
  return {
    tags: [relation.name],
    ...describe(context.catalog, relation),
    operationId: context.operationId(relation.name, "list"),
    parameters: [
      ...filters.values(),
      ...references("select", ...pages, "and", "or", ...fields, ...context.acceptProfile),
    ],
    responses: { 200: rows, 206: rows, ...failures(300, 304, 416) },
  };
}

/** GET of one row by its key in the path. */
export function readRowOperation(context: DocumentContext, { name }: Relation, { single }: RelationParts): Json {
  return {
    tags: [name],
    summary: `The row of ${name} with this key`,
    operationId: context.operationId(name, "read"),
    parameters: references("select", "If-None-Match", "Consistency-Token", ...context.acceptProfile),
    responses: { 200: single, ...failures(304) },
  };
}

function describe(catalog: Catalog, relation: Relation): Json {
  const { summary = `Rows of ${relation.name}`, description = "" } = splitComment(relation.comment) ?? {};
  const embeds = embeddable(catalog, relation);
  const note = embeds.length === 0 ? "" : `\`select\` can embed ${embeds.map((name) => `\`${name}\``).join(", ")}.`;
  const text = [description, note].filter((part) => part !== "").join("\n\n");
  return { summary, ...(text === "" ? {} : { description: text }) };
}

/** Names of what `select` can embed, each once. */
function embeddable(catalog: Catalog, relation: Relation): readonly string[] {
  const targets = findRelationships(catalog, relation).map((one) => (one.kind === "key" ? one.to : one.function).name);
  return [...new Set(targets)].toSorted();
}
