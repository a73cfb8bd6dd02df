import type { PostgresSettings } from "../api/settings.ts";
import type { SourceRequest } from "../api/source-request.ts";
import { findFunctions } from "./catalog/lookup.ts";
import type { Catalog, Relation } from "./catalog/types.ts";
import { DialectError } from "./dialect-error.ts";
import { LEAST_NAME_SCORE, similarName } from "./similar-name.ts";

/** What a path names. */
export type Route =
  | {
      readonly kind: "root";
      /** `/schema.proto` instead of the document. */
      readonly describesMessages: boolean;
      readonly schema: string;
      readonly namesProfile: boolean;
      readonly pattern: string;
    }
  | {
      readonly kind: "relation";
      readonly relation: Relation;
      /** Values of the primary key in a row path, else null. */
      readonly key: readonly string[] | null;
      readonly namesProfile: boolean;
      /** `/users` or `/users/:key`: bounded by the catalog. */
      readonly pattern: string;
    }
  | {
      readonly kind: "call";
      readonly schema: string;
      readonly name: string;
      readonly namesProfile: boolean;
      readonly pattern: string;
    };

/**
 * Finds what a request is about: `/`, `/relation`, `/rpc/function`, or `/relation/key` where row paths are on.
 *
 * @throws DialectError PGRST106 for a schema that is not exposed, PGRST125 for a path of another form, PGRST205 for an
 *   unknown relation.
 */
export function resolveRoute(catalog: Catalog, settings: PostgresSettings, request: SourceRequest): Route {
  const segments = pathSegments(request.subpath);
  const [name, key] = segments;
  const goesOn = segments.length > 2;
  const profile = requestedSchema(request);
  if (profile !== undefined && !settings.schemas.includes(profile)) throw schemaNotExposed(profile, settings.schemas);
  const schema = profile ?? settings.schemas[0] ?? "public";
  const namesProfile = profile !== undefined || settings.schemas.length > 1;
  if (name === undefined) return rootRoute(settings, request, schema, namesProfile);
  if (name === "rpc" && key !== undefined && !goesOn) {
    const named = { schema, name: decodeSegment(key) };
    const isKnown = findFunctions(catalog, named).length > 0;
    const pattern = `${request.basePath}/rpc/${isKnown ? named.name : ":function"}`;
    // A relation of that name may have rows, too.
    const isRow = !isKnown && settings.rowPaths && catalog.relations.get(schema)?.has(name);
    if (!isRow) return { kind: "call", ...named, namesProfile, pattern };
  }
  if (goesOn || name === "" || (key !== undefined && !settings.rowPaths)) throw invalidPath();
  const relation = catalog.relations.get(schema)?.get(decodeSegment(name));
  if (relation === undefined && name === PROTO_FILE && key === undefined) {
    const pattern = `${request.basePath}/${PROTO_FILE}`;
    return { kind: "root", describesMessages: true, schema, namesProfile, pattern };
  }
  if (relation === undefined) throw unknownRelation(catalog, schema, decodeSegment(name));
  const pattern = `${request.basePath}/${relation.name}`;
  if (key === undefined) return { kind: "relation", relation, key: null, namesProfile, pattern };
  // Split before decoding, so that a value may hold an escaped comma.
  const values = key.split(",").map(decodeSegment);
  return { kind: "relation", relation, key: values, namesProfile, pattern: `${pattern}/:key` };
}

/** Describes the rows as messages, unless a relation is called so. */
const PROTO_FILE = "schema.proto";

/** `/` is what the catalog holds, or a function where one is set. */
function rootRoute(
  { rootFunction, openapi }: PostgresSettings,
  { basePath }: SourceRequest,
  schema: string,
  namesProfile: boolean,
): Route {
  const pattern = `${basePath}/`;
  // A root that is switched off is so for a function, too.
  if (rootFunction === null || openapi.mode === "disabled") {
    return { kind: "root", describesMessages: false, schema, namesProfile, pattern };
  }
  const dot = rootFunction.indexOf(".");
  const named = { schema: dot === -1 ? schema : rootFunction.slice(0, dot), name: rootFunction.slice(dot + 1) };
  return { kind: "call", ...named, namesProfile, pattern };
}

/** Writes name the schema of their content, everything else that of the reply. */
function requestedSchema({ method, headers }: SourceRequest): string | undefined {
  const isWrite = method === "POST" || method === "PATCH" || method === "PUT" || method === "DELETE";
  const profile = headers[isWrite ? "content-profile" : "accept-profile"];
  // Node reads header bytes as Latin-1; names may be any UTF-8.
  return typeof profile === "string" ? Buffer.from(profile, "latin1").toString("utf8") : undefined;
}

function pathSegments(path: string): readonly string[] {
  const segments: string[] = [];
  let from = 1;
  // For short paths half of what `split` costs.
  for (let end = path.indexOf("/", from); end !== -1; end = path.indexOf("/", from)) {
    segments.push(path.slice(from, end));
    from = end + 1;
  }
  if (from < path.length) segments.push(path.slice(from));
  return segments;
}

function decodeSegment(segment: string): string {
  if (!segment.includes("%")) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function invalidPath(): DialectError {
  return new DialectError("PGRST125", 404, "Invalid path specified in request URL");
}

function schemaNotExposed(schema: string, exposed: readonly string[]): DialectError {
  return new DialectError("PGRST106", 406, `Invalid schema: ${schema}`, {
    hint: `Only the following schemas are exposed: ${exposed.join(", ")}`,
  });
}

function unknownRelation(catalog: Catalog, schema: string, name: string): DialectError {
  const near = similarName(name, catalog.relations.get(schema)?.keys() ?? [], LEAST_NAME_SCORE);
  return new DialectError("PGRST205", 404, `Could not find the table '${schema}.${name}' in the schema cache`, {
    hint: near === undefined ? null : `Perhaps you meant the table '${schema}.${near}'`,
  });
}
