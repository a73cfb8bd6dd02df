import {
  type Catalog,
  type ComputedColumn,
  type Relation,
  relationKey,
  type RelationName,
  representationKey,
} from "../catalog/types.ts";
import { listType, objectType, union, unionOfTexts } from "./source-text.ts";

/** TypeScript's types of what PostgreSQL's JSON holds. */
export interface ValueTypes {
  /** Of a value of a type by PostgreSQL's name of it; null apart. */
  readonly of: (type: string) => string;
  /** Of a row of a relation as a value: without computed columns. */
  readonly ofRow: (relation: RelationName) => string;
}

export function createValueTypes(catalog: Catalog): ValueTypes {
  function of(name: string): string {
    if (name.endsWith("[]")) return listType(of(name.slice(0, -2)));
    const builtIn = BUILT_IN.get(name);
    if (builtIn !== undefined) return builtIn;
    if (catalog.representations.has(representationKey(name, "json"))) return "Json";
    const named = catalog.namedTypes.get(name);
    // Of other types only those of PostgreSQL itself, whose names stand without a schema, are known to become texts.
    if (named === undefined) return !name.includes(".") || TEXTUAL.test(name) ? "string" : "unknown";
    const isExposed = catalog.relations.has(named.schema);
    if (named.kind === "domain") return of(named.base);
    if (named.kind === "enum") return isExposed ? member(named, "Enums") : unionOfTexts(named.labels);
    if (catalog.relations.get(named.schema)?.has(named.name)) return ofRow(named);
    if (isExposed) return member(named, "CompositeTypes");
    return objectType(named.columns.map((column) => ({ name: column.name, type: union([of(column.type), "null"]) })));
  }

  function ofRow(name: RelationName): string {
    const relation = catalog.relations.get(name.schema)?.get(name.name);
    if (relation === undefined) return "Record<string, unknown>";
    const row = `${member(relation, sectionOf(relation))}["Row"]`;
    const computed = computedOf(catalog, relation);
    return computed.length === 0 ? row : `Omit<${row}, ${unionOfTexts(computed.map((column) => column.name))}>`;
  }

  return { of, ofRow };
}

/** Columns that functions of a row define. Functions that answer rows of a relation are embedded instead. */
export function computedOf(catalog: Catalog, relation: Relation): readonly ComputedColumn[] {
  const computed = [...(catalog.computedColumns.get(relationKey(relation))?.values() ?? [])];
  const relationships = catalog.relationships.get(relationKey(relation)) ?? [];
  const embedded = new Set(relationships.flatMap((one) => (one.kind === "computed" ? [one.function.name] : [])));
  return computed.filter(({ name, set }) => !set && !relation.columns.has(name) && !embedded.has(name));
}

/** Where a relation stands in its schema. */
export function sectionOf({ kind }: Pick<Relation, "kind">): "Tables" | "Views" {
  return kind.endsWith("view") ? "Views" : "Tables";
}

function member({ schema, name }: RelationName, section: string): string {
  return `Database[${JSON.stringify(schema)}][${JSON.stringify(section)}][${JSON.stringify(name)}]`;
}

/** What `to_json` makes of PostgreSQL's own types; all others become texts. */
const BUILT_IN: ReadonlyMap<string, string> = new Map([
  ["boolean", "boolean"],
  ["smallint", "number"],
  ["integer", "number"],
  ["bigint", "number"],
  ["real", "number"],
  ["double precision", "number"],
  ["numeric", "number"],
  ["json", "Json"],
  ["jsonb", "Json"],
  ["void", "undefined"],
  ["record", "Record<string, unknown>"],
  ["anyelement", "unknown"],
  ["anyarray", "unknown[]"],
]);

/** Types of extensions that have no JSON of their own. */
const TEXTUAL = /\.(?:citext|vector|halfvec|sparsevec|ltree|lquery|semver|isbn|isbn13|ean13)$/;
