import type { CatalogQuery } from "./catalog-query.ts";
import { createHash } from "node:crypto";
import { assembleComputedColumns, assembleComputedRelationships } from "./computed.ts";
import { assembleKeys } from "./keys.ts";
import { assembleMediaHandlers } from "./media-handlers.ts";
import { assembleNamedTypes } from "./named-types.ts";
import { assertUsable, existingSchemasSql, missingSchemas, unknownSchemaError } from "./namespaces.ts";
import { assembleRelations } from "./relations.ts";
import { assembleRelationships } from "./relationships.ts";
import { assembleRepresentations } from "./representations.ts";
import { assembleRoleSettings } from "./role-settings.ts";
import { assembleRoutines } from "./routines.ts";
import { parseSnapshot, type Snapshot, snapshotSql } from "./snapshot.ts";
import { createTimezones } from "./timezones.ts";
import { assembleTypes } from "./type-names.ts";
import type { Catalog, Relation, RelationName } from "./types.ts";
import { traceViews, viewPrimaryKey } from "./view-keys.ts";

/** Which part of a database to read. */
export interface CatalogSettings {
  /** Schemas to expose; the first is the default one. */
  readonly schemas: readonly string[];
  /** Schemas that are searched for functions and intermediate views, without being exposed. Those that do not exist are ignored. */
  readonly extraSearchPath: readonly string[];
}

/**
 * Reads the catalog of PostgreSQL 13 or later in one statement.
 *
 * The statement must not run inside a transaction of the caller's: it empties the search path until the end of its
 * transaction. Throws `HP_SCHEMA_UNKNOWN` for a schema that does not exist or that no role at hand may use; what
 * `query` throws goes through.
 */
export async function readCatalog(query: CatalogQuery, settings: CatalogSettings): Promise<Catalog> {
  const schemas = [...new Set(settings.schemas)];
  const values = [JSON.stringify(schemas), JSON.stringify([...new Set(settings.extraSearchPath)])];
  const row = (await query(snapshotSql, values))[0] ?? [];
  const snapshot = parseSnapshot(row);
  const missing = missingSchemas(schemas, snapshot.namespaces);
  if (missing.length > 0) {
    const existing = await query(existingSchemasSql, []);
    throw unknownSchemaError(
      missing,
      existing.flatMap(([name]) => name ?? []),
    );
  }
  assertUsable(snapshot.namespaces);
  return {
    version: fingerprint([...values, ...row]),
    schemas,
    timezones: createTimezones(query),
    roleSettings: await assembleRoleSettings(snapshot.roleSettings, snapshot.server[0], query),
    ...assemble(snapshot),
  };
}

/** Hash of JSON texts: none of them holds the byte that separates them. */
function fingerprint(texts: readonly (string | null)[]): string {
  const hash = createHash("sha256");
  for (const text of texts) hash.update(text ?? "").update("\0");
  return hash.digest("base64url");
}

/** Builds the catalog from what was read; no I/O. */
function assemble(snapshot: Snapshot): Omit<Catalog, "version" | "schemas" | "timezones" | "roleSettings"> {
  const { namespaces } = snapshot;
  const types = assembleTypes(snapshot.types);
  const keyless = assembleRelations(snapshot.relations, snapshot.columns, namespaces, types);
  const keys = assembleKeys(snapshot.keys);
  const origins = traceViews(snapshot.viewRules, keyless);
  const relations = new Map<number, Relation>();
  for (const [oid, relation] of keyless) {
    const shown = origins.get(oid);
    const names = new Map([...relation.columns.values()].map((column) => [column.position, column.name]));
    const primaryKey =
      shown === undefined
        ? (keys.primary.get(oid) ?? []).flatMap((position) => names.get(position) ?? [])
        : viewPrimaryKey(shown, keys.primary);
    relations.set(oid, { ...relation, primaryKey });
  }
  const computed = assembleComputedRelationships(snapshot.rowFunctions, relations);
  return {
    serverVersion: snapshot.server[0],
    hasRowSecurity: snapshot.rowSecurity[0],
    schemaComments: new Map(namespaces.flatMap(([, name, comment]) => (comment === null ? [] : [[name, comment]]))),
    relations: bySchema(
      namespaces.map(([, name]) => name),
      relations,
    ),
    relationships: assembleRelationships(relations, keys, origins, computed),
    routines: assembleRoutines(snapshot.routines, { namespaces, types, relations, attributes: snapshot.attributes }),
    computedColumns: assembleComputedColumns(snapshot.rowFunctions, snapshot.inheritance, relations, types),
    representations: assembleRepresentations(snapshot.representations),
    mediaHandlers: assembleMediaHandlers(snapshot.mediaHandlers, types),
    geoJson: toName(snapshot.geoJson[0]),
    namedTypes: assembleNamedTypes(snapshot.types, types, relations, snapshot.attributes),
  };
}

function toName(row: readonly [schema: string, name: string] | undefined): RelationName | null {
  return row === undefined ? null : { schema: row[0], name: row[1] };
}

function bySchema(
  schemas: readonly string[],
  relations: ReadonlyMap<number, Relation>,
): Map<string, Map<string, Relation>> {
  const found = new Map(schemas.map((schema) => [schema, new Map<string, Relation>()]));
  for (const relation of relations.values()) found.get(relation.schema)?.set(relation.name, relation);
  return found;
}
