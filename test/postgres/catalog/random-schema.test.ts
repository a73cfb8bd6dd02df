import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { readCatalog } from "../../../src/postgres/catalog/read-catalog.ts";
import { testDatabase } from "../../support/postgres.ts";
import { type RandomDatabase, randomDatabase, type RandomForeignKey, toSql } from "./random-schema.ts";
import { describeRelationships, withQuery } from "./read-from.ts";

const RUNS = 40;

test("keys and relationships of random databases are those that their making implies", async (t) => {
  const url = await testDatabase(t);
  await withQuery(url, async (query) => {
    const property = fc.asyncProperty(randomDatabase, async (database) => {
      for (const statement of toSql(database).split(";\n")) await query(statement, []);
      const catalog = await readCatalog(query, { schemas: ["api"], extraSearchPath: ["searched"] });
      const truth = new Truth(database);
      const keys = [...(catalog.relations.get("api")?.values() ?? [])].map(({ name, primaryKey }) =>
        [name, ...primaryKey].join(" | "),
      );
      assert.deepEqual(keys.toSorted(), truth.primaryKeys().toSorted());
      assert.deepEqual(describeRelationships(catalog).toSorted(), truth.relationships().toSorted());
    });
    await fc.assert(property, { numRuns: RUNS });
  });
});

interface ManyToOne {
  readonly from: number;
  readonly to: number;
  readonly pairs: readonly (readonly [string, string])[];
  readonly key: RandomForeignKey;
  readonly isUnique: boolean;
}

/** Works out, by trying every combination of columns, what a catalog should say. Relations by number, tables first. */
class Truth {
  readonly #database: RandomDatabase;
  readonly #exposed: readonly number[];

  constructor(database: RandomDatabase) {
    this.#database = database;
    const relations = [...database.tables, ...database.views];
    this.#exposed = relations.flatMap(({ schema }, index) => (schema === "api" ? [index] : []));
  }

  primaryKeys(): string[] {
    return this.#exposed.map((relation) => [this.#name(relation), ...this.#primaryKey(relation)].join(" | "));
  }

  relationships(): string[] {
    const direct = this.#manyToOnes();
    const junctions = direct.flatMap((first) =>
      direct.flatMap((second) => (this.#isJunction(first, second) ? [this.#describeJunction(first, second)] : [])),
    );
    return [...direct.flatMap((one) => this.#describe(one)), ...junctions];
  }

  #manyToOnes(): ManyToOne[] {
    const { tables } = this.#database;
    return tables.flatMap((table, index) =>
      table.foreignKeys.flatMap((key) => {
        const isUnique = [table.primaryKey, table.unique].some((other) => isSameSet(key.columns, other));
        return this.#shows(index, key.columns).flatMap((source) =>
          this.#shows(key.to, tables[key.to]?.primaryKey ?? []).map((target) => ({
            from: source.relation,
            to: target.relation,
            pairs: source.columns.map((column, place): [string, string] => [column, target.columns[place] ?? ""]),
            key,
            isUnique,
          })),
        );
      }),
    );
  }

  /** Exposed relations, with the names of their columns, that show those columns of a table. */
  #shows(table: number, columns: readonly number[]): { relation: number; columns: string[] }[] {
    return this.#exposed.flatMap((relation) => {
      const names = this.#columns(relation);
      const tuples = columns.reduce<number[][]>((all) => all.flatMap((one) => names.map((_, n) => [...one, n])), [[]]);
      return tuples
        .filter((tuple) =>
          tuple.every((column, place) => this.#origin(relation, column) === `${table} ${columns[place]}`),
        )
        .map((tuple) => ({ relation, columns: tuple.map((column) => names[column] ?? "") }));
    });
  }

  /** Table and column that a column shows unchanged. */
  #origin(relation: number, column: number): string | undefined {
    const { tables, views } = this.#database;
    if (relation < tables.length) return `${relation} ${column}`;
    const view = views[relation - tables.length];
    const shown = view?.columns[column];
    const source = view?.sources[shown?.source ?? 0];
    if (view === undefined || view.form === "union" || source === undefined) return undefined;
    if (shown === undefined || shown.column === null) return undefined;
    const isPassable = source < tables.length || views[source - tables.length]?.schema !== "hidden";
    return isPassable ? this.#origin(source, shown.column) : undefined;
  }

  #primaryKey(relation: number): string[] {
    const names = this.#columns(relation);
    const origins = names.map((_, column) => this.#origin(relation, column));
    const tables = new Set(origins.flatMap((origin) => (origin === undefined ? [] : [Number.parseInt(origin, 10)])));
    return [...tables].flatMap((table) => {
      const key = this.#database.tables[table]?.primaryKey ?? [];
      const places = key.map((column) => origins.indexOf(`${table} ${column}`));
      return places.includes(-1) ? [] : places.map((place) => names[place] ?? "");
    });
  }

  #isJunction(first: ManyToOne, second: ManyToOne): boolean {
    if (first.from !== second.from || first.isUnique || second.isUnique) return false;
    const key = this.#primaryKey(first.from);
    return (
      first.key.name !== second.key.name && [...first.pairs, ...second.pairs].every(([column]) => key.includes(column))
    );
  }

  #describe({ from, to, pairs, key, isUnique }: ManyToOne): string[] {
    const there = pairs.map(([a, b]) => `${a}=${b}`).join(",");
    const back = pairs.map(([a, b]) => `${b}=${a}`).join(",");
    return [
      `${this.#name(from)} ${isUnique ? ">." : ">-"} ${this.#name(to)} [${there}] ${key.name}`,
      `${this.#name(to)} ${isUnique ? ".<" : "-<"} ${this.#name(from)} [${back}] ${key.name}`,
    ];
  }

  #describeJunction(first: ManyToOne, second: ManyToOne): string {
    const back = first.pairs.map(([a, b]) => `${b}=${a}`).join(",");
    const there = second.pairs.map(([a, b]) => `${a}=${b}`).join(",");
    const via = `${this.#name(first.from)} [${back}|${there}] ${first.key.name} ${second.key.name}`;
    return `${this.#name(first.to)} >< ${this.#name(second.to)} via ${via}`;
  }

  #name(relation: number): string {
    return [...this.#database.tables, ...this.#database.views][relation]?.name ?? "";
  }

  #columns(relation: number): readonly string[] {
    const { tables, views } = this.#database;
    return tables[relation]?.columns ?? views[relation - tables.length]?.columns.map(({ name }) => name) ?? [];
  }
}

function isSameSet(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((item) => other.includes(item));
}
