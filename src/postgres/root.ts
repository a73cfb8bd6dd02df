import type { SourceReply, SourceRequest } from "../api/source.ts";
import type { Catalog, Relation } from "./catalog/types.ts";
import { DialectError } from "./dialect-error.ts";
import { acceptable } from "./media.ts";

/** Answers `/` with what is served: each relation's path, kind, key and columns. */
export function describeRoot(catalog: Catalog, request: SourceRequest, schema: string): SourceReply {
  const { accept = "*/*" } = request.headers;
  const isOffered = acceptable(accept).some(
    ({ type, subtype }) => type === "*" || (type === "application" && (subtype === "*" || subtype === "json")),
  );
  if (!isOffered) throw new DialectError("PGRST107", 406, `None of these media types are available: ${accept}`);
  const relations = [...(catalog.relations.get(schema)?.values() ?? [])];
  const body = JSON.stringify({
    schema,
    relations: relations.map((relation) => describe(relation, request.basePath)),
  });
  return { status: 200, headers: { "content-type": "application/json; charset=utf-8" }, body };
}

function describe(relation: Relation, basePath: string): object {
  return {
    name: relation.name,
    path: `${basePath}/${encodeURIComponent(relation.name)}`,
    kind: relation.kind,
    ...(relation.comment === null ? {} : { description: relation.comment }),
    primaryKey: relation.primaryKey,
    columns: Object.fromEntries([...relation.columns.values()].map((column) => [column.name, column.declaredType])),
  };
}
