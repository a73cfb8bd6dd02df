import { Client, escapeIdentifier } from "pg";
import { type CatalogSettings, readCatalog } from "../../../src/postgres/catalog/read-catalog.ts";
import type { CatalogQuery } from "../../../src/postgres/catalog/catalog-query.ts";
import type { Catalog, Column, Relation, Relationship } from "../../../src/postgres/catalog/types.ts";
import { runSql } from "../../support/postgres.ts";

/** Opens a connection, lends it as a `CatalogQuery`, and closes it. */
export async function withQuery<T>(url: string, use: (query: CatalogQuery) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 20_000 });
  await client.connect();
  try {
    return await use(async (text, values) => {
      const asText = { getTypeParser: () => (value: string | null) => value };
      const result = await client.query({ text, values: [...values], rowMode: "array", types: asText });
      return result.rows as (string | null)[][];
    });
  } finally {
    await client.end();
  }
}

/** Reads the catalog of a database: of schema `public` unless told otherwise. */
export async function readFrom(url: string, settings: Partial<CatalogSettings> = {}): Promise<Catalog> {
  return withQuery(url, (query) => readCatalog(query, { schemas: ["public"], extraSearchPath: [], ...settings }));
}

/** Empties a database, so that one can serve several tests: making a database takes a hundred times as long. */
export async function remake(url: string, sql: string): Promise<void> {
  await withQuery(url, async (query) => {
    const schemas = await query(
      "select nspname from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema'",
      [],
    );
    const names = schemas.flatMap(([name]) => name ?? []);
    await query(`drop schema ${names.map((name) => escapeIdentifier(name)).join(", ")} cascade`, []);
  });
  await runSql(url, `create schema public; ${sql}`);
}

/** The relation of that name in the default schema. */
export function relationOf(catalog: Catalog, name: string): Relation {
  const relation = catalog.relations.get(catalog.schemas[0] ?? "")?.get(name);
  if (relation === undefined) throw new Error(`no relation ${name}`);
  return relation;
}

/** The column of that name of a relation of the default schema. */
export function columnOf(catalog: Catalog, relation: string, name: string): Column {
  const column = relationOf(catalog, relation).columns.get(name);
  if (column === undefined) throw new Error(`no column ${relation}.${name}`);
  return column;
}

/** Every relationship in one line each, e.g. `films >- directors [director_id=id] films_director_id_fkey`. */
export function describeRelationships(catalog: Catalog): string[] {
  return [...catalog.relationships.values()].flat().map(describeRelationship);
}

/**
 * A relationship in one line. `>-` many-to-one, `-<` one-to-many, `>.` one-to-one from the side with the foreign key,
 * `.<` from the other, `><` many-to-many; names of the default schema only.
 */
export function describeRelationship(one: Relationship): string {
  if (one.kind === "computed") {
    return `${one.from.name} ${one.cardinality === "many-to-one" ? ">-" : "-<"} ${one.to.name} by ${one.function.name}`;
  }
  const sign = {
    "many-to-one": ">-",
    "one-to-many": "-<",
    "many-to-many": "><",
    "one-to-one": one.isParentSide ? ">." : ".<",
  };
  const start = `${one.from.name} ${sign[one.cardinality]} ${one.to.name}`;
  const { junction } = one;
  if (junction === undefined) return `${start} [${pairs(one.columns)}] ${one.constraint}`;
  const via = `${junction.name} [${pairs(junction.fromColumns)}|${pairs(junction.toColumns)}]`;
  return `${start} via ${via} ${junction.fromConstraint} ${junction.toConstraint}`;
}

function pairs(list: readonly (readonly [string, string])[]): string {
  return list.map((pair) => pair.join("=")).join(",");
}
