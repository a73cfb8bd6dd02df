import { findRelationships } from "../catalog/lookup.ts";
import type { Catalog, Relation } from "../catalog/types.ts";
import { splitComment } from "./comment.ts";
import { type DocumentContext, references, rowContent } from "./context.ts";
import type { RelationParts } from "./relation-paths.ts";
import { failures, headers } from "./shared-responses.ts";
import type { Json } from "./swagger-schema.ts";

/** GET and HEAD of a relation. */
export function readOperations(context: DocumentContext, relation: Relation, { filters, row }: RelationParts): Json {
  const { settings, operationId } = context;
  const operation = {
    tags: [relation.name],
    ...describe(context.catalog, relation),
    parameters: [
      ...filters.values(),
      ...references("select", "order", "limit", "offset", ...(settings.cursors ? ["after"] : []), "and", "or"),
      ...references(
        "Range",
        "Range-Unit",
        "Prefer-read",
        "If-None-Match",
        "Consistency-Token",
        ...context.acceptProfile,
      ),
    ],
  };
  const fields = ["Content-Range", "Content-Location", "ETag", "Preference-Applied"];
  const replied = headers(...fields, ...(settings.cursors ? ["Link"] : []));
  const rows = { headers: replied, content: rowContent(row, settings) };
  return {
    get: {
      ...operation,
      operationId: operationId(relation.name, "list"),
      responses: {
        200: { description: "The rows; with `select`, of the fields that it names.", ...rows },
        206: { description: "Some of the rows: fewer than were counted.", ...rows },
        ...failures(300, 304, 416),
      },
    },
    head: {
      ...operation,
      operationId: operationId(relation.name, "head"),
      responses: { 200: { description: "The header fields of the rows.", headers: replied }, ...failures(304, 416) },
    },
  };
}

/** GET and HEAD of one row by its key in the path. */
export function readRowOperations(context: DocumentContext, { name }: Relation, { row }: RelationParts): Json {
  const replied = headers(...(context.settings.updatedAtColumn === null ? ["ETag"] : ["ETag", "Last-Modified"]));
  const operation = {
    tags: [name],
    summary: `The row of ${name} with this key`,
    parameters: references("select", "If-None-Match", "Consistency-Token", ...context.acceptProfile),
  };
  return {
    get: {
      ...operation,
      operationId: context.operationId(name, "read"),
      responses: {
        200: { description: "The row.", headers: replied, content: { "application/json": { schema: row } } },
        ...failures(304),
      },
    },
    head: {
      ...operation,
      operationId: context.operationId(name, "read-head"),
      responses: { 200: { description: "The header fields of the row.", headers: replied }, ...failures(304) },
    },
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
