import type { ChangeSource, UnknownReason } from "./change-source.ts";
import { hash } from "node:crypto";
import type { CatalogQuery } from "../catalog/catalog-query.ts";
import type { Catalog } from "../catalog/types.ts";
import {
  type ColumnRow,
  type DescendantRow,
  descendantsSql,
  type KeyRow,
  type RelationRow,
  relationsSql,
  rightsSql,
  type TableRow,
  tablesSql,
  unsteadySql,
} from "./dependencies-sql.ts";
import type { TagColumn, TaggedTable, TagScheme } from "./row-tags.ts";
import { STEADY_FUNCTIONS } from "./steady-functions.ts";
import { chooseTagColumns } from "./tag-columns.ts";
import { reasonNotTold } from "./table-reason.ts";
import { readViewTree } from "./view-tree.ts";

/** On which tables what is served stands, and which of them can be followed. Belongs to one state of the catalog. */
export interface Dependencies {
  /** By what changes are told. */
  readonly means: ChangeSource["means"];
  /** Begins with the means, and differs whenever anything that was read for it differs, rights included. */
  readonly version: string;
  /** Of a relation that is served. */
  of(oid: number): Dependency;
  /** Tables that can be followed, by `oid`. */
  readonly tables: ReadonlyMap<number, FollowedTable>;
  /** How their changes are tagged. */
  readonly scheme: TagScheme;
  /** Tables that cannot be, for advice. */
  readonly left: readonly LeftTable[];
}

/** What a relation's rows depend on. */
export type Dependency =
  | {
      readonly kind: "tables";
      /** Whose changes change the rows. */
      readonly tables: readonly number[];
      /** The relation is the table, or the table with those that inherit from it: a row of it is a row of one of them. */
      readonly isTable: boolean;
    }
  | { readonly kind: "unknown"; readonly reason: UnknownReason };

export interface FollowedTable {
  readonly oid: number;
  readonly columns: readonly TagColumn[];
  /** Its rows are in partitions, at whatever depth, whose changes come as theirs; empty for a table that has its own. */
  readonly partitions: readonly number[];
  readonly schema: string;
  readonly name: string;
}

export interface LeftTable {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly reason: UnknownReason;
}

/** Reads them for what a catalog serves: five statements, and one more for each level of views upon views. */
export async function readDependencies(
  query: CatalogQuery,
  catalog: Catalog,
  source: ChangeSource,
): Promise<Dependencies> {
  const served = [...catalog.relations.values()].flatMap((bySchema) => [...bySchema.values()].map(({ oid }) => oid));
  const texts: (string | null)[] = [];
  const read = async (sql: string, ...parameters: readonly unknown[]): Promise<readonly (string | null)[]> => {
    const [row = []] = await query(
      sql,
      parameters.map((parameter) => JSON.stringify(parameter)),
    );
    texts.push(...row);
    return row;
  };
  const relations = await readRelations(read, served);
  const roots = [...relations.values()].filter(({ kind }) => kind === "r" || kind === "p").map(rootOf);
  const descendants = Map.groupBy(
    parseRows((await read(descendantsSql, unique(roots)))[0]) as readonly DescendantRow[],
    ([one]) => one,
  );
  const all = unique([...roots, ...[...descendants.values()].flatMap((rows) => rows.map(([, oid]) => oid))]);
  const [tableRows, columnRows, keyRows] = await read(tablesSql, all);
  const tables = assembleTables(
    parseRows(tableRows) as readonly TableRow[],
    Map.groupBy(parseRows(columnRows) as readonly ColumnRow[], ([table]) => table),
    Map.groupBy(parseRows(keyRows) as readonly KeyRow[], ([table]) => table),
    descendants,
    source,
  );
  const told = (source.means === "log" ? source.published : source.tracked) ?? [];
  const followed = new Map([...tables].flatMap(([oid, table]) => ("columns" in table ? [[oid, table] as const] : [])));
  const unsteady = await readUnsteady(read, relations);
  await read(rightsSql, unique([...served, ...relations.keys()]));
  return {
    means: source.means,
    version: `${source.means}:${hash("sha256", [...told, ...texts].join("\0"), "base64url")}`,
    of: createLookup(relations, tables, descendants, unsteady),
    tables: followed,
    scheme: createScheme([...followed.values()]),
    left: [...tables.values()].flatMap((table) => ("columns" in table ? [] : [table])),
  };
}

type Read = (sql: string, ...parameters: readonly unknown[]) => Promise<readonly (string | null)[]>;

interface KnownRelation {
  readonly oid: number;
  readonly kind: string;
  readonly persistence: string;
  readonly isGuarded: boolean;
  readonly isSystem: boolean;
  readonly root: number;
  readonly tree: ReturnType<typeof readViewTree> | undefined;
}

/** Those that are served and all that their views stand on. */
async function readRelations(read: Read, served: readonly number[]): Promise<Map<number, KnownRelation>> {
  const found = new Map<number, KnownRelation>();
  for (let wanted = served; wanted.length > 0;) {
    const [json] = await read(relationsSql, wanted);
    const next = new Set<number>();
    for (const [oid, kind, persistence, isGuarded, isSystem, root, rule] of parseRows(json) as readonly RelationRow[]) {
      const tree = rule === null ? undefined : readViewTree(rule);
      found.set(oid, { oid, kind, persistence, isGuarded, isSystem, root, tree });
      for (const relation of tree?.relations ?? []) next.add(relation);
    }
    wanted = [...next].filter((oid) => !found.has(oid));
  }
  return found;
}

function rootOf({ oid, root }: { readonly oid: number; readonly root: number }): number {
  return root === 0 ? oid : root;
}

type Descendants = ReadonlyMap<number, readonly DescendantRow[]>;

function assembleTables(
  rows: readonly TableRow[],
  columns: ReadonlyMap<number, readonly ColumnRow[]>,
  keys: ReadonlyMap<number, readonly KeyRow[]>,
  descendants: Descendants,
  source: ChangeSource,
): Map<number, FollowedTable | LeftTable> {
  const byOid = new Map(rows.map((row) => [row[0], row]));
  const identityOf = ([oid, , , , , , , identity]: TableRow): boolean => {
    if (identity === "f") return true;
    const own = keys.get(oid) ?? [];
    return identity === "d" ? own.some(([, kind]) => kind === "primary") : own.some(([, , isIdentity]) => isIdentity);
  };
  const partitions = new Set(
    rows
      .filter(([, , , kind]) => kind === "p")
      .flatMap(([oid]) => (descendants.get(oid) ?? []).map(([, child]) => child)),
  );
  const tables = new Map<number, FollowedTable | LeftTable>();
  const related = new Set(
    [...descendants].flatMap(([ancestor, below]) => [ancestor, ...below.map(([, descendant]) => descendant)]),
  );
  for (const row of rows) {
    const [oid, schema, name, kind] = row;
    if (partitions.has(oid)) continue;
    const isPartitioned = kind === "p";
    const below = isPartitioned ? (descendants.get(oid) ?? []).map(([, child]) => byOid.get(child)) : [];
    const parts = below.filter((part) => part !== undefined);
    const isRelated = !isPartitioned && related.has(oid);
    const reason = reasonNotTold({ row, partitions: parts, isRelated, hasIdentity: identityOf }, source);
    if (reason !== undefined) tables.set(oid, { oid, schema, name, reason });
    else {
      const chosen = chooseTagColumns(columns.get(oid) ?? [], keys.get(oid) ?? []);
      tables.set(oid, { oid, schema, name, columns: chosen, partitions: parts.map(([part]) => part) });
    }
  }
  return tables;
}

function createScheme(tables: readonly FollowedTable[]): TagScheme {
  const byOid = new Map<number, TaggedTable>();
  for (const { oid, columns, partitions } of tables) {
    for (const stored of [oid, ...partitions]) byOid.set(stored, { taggedAs: oid, columns });
  }
  const partitioned = tables.filter(({ partitions }) => partitions.length > 0).map(({ oid }) => oid);
  return { tableOf: (oid) => byOid.get(oid), partitioned };
}

/** Functions, operators and aggregates that may not be relied on. */
interface Unsteady {
  readonly functions: ReadonlySet<number>;
  readonly operators: ReadonlySet<number>;
  readonly aggregates: ReadonlySet<number>;
}

async function readUnsteady(read: Read, relations: ReadonlyMap<number, KnownRelation>): Promise<Unsteady> {
  const trees = [...relations.values()].flatMap(({ tree }) => tree ?? []);
  const all = (part: keyof Unsteady): number[] => unique(trees.flatMap((tree) => [...tree[part]]));
  const [functions, operators, aggregates] = await read(
    unsteadySql,
    all("functions"),
    all("operators"),
    all("aggregates"),
    STEADY_FUNCTIONS,
  );
  return { functions: toOids(functions), operators: toOids(operators), aggregates: toOids(aggregates) };
}

function toOids(json: string | null | undefined): Set<number> {
  return new Set((parseRows(json) as readonly string[]).map(Number));
}

function createLookup(
  relations: ReadonlyMap<number, KnownRelation>,
  tables: ReadonlyMap<number, FollowedTable | LeftTable>,
  descendants: Descendants,
  unsteady: Unsteady,
): (oid: number) => Dependency {
  const known = new Map<number, Dependency>();
  const of = (oid: number): Dependency => {
    const already = known.get(oid);
    if (already !== undefined) return already;
    // A view that stands on itself by a detour cannot be read from; it must not be followed for ever either.
    known.set(oid, { kind: "unknown", reason: "view" });
    const found = find(oid);
    known.set(oid, found);
    return found;
  };

  function find(oid: number): Dependency {
    const relation = relations.get(oid);
    if (relation === undefined || relation.isSystem) return { kind: "unknown", reason: "view" };
    switch (relation.kind) {
      case "r":
      case "p":
        return findTable(relation);
      case "v":
        return findView(relation);
      case "m":
        return { kind: "unknown", reason: "materialized-view" };
      default:
        return { kind: "unknown", reason: "foreign-table" };
    }
  }

  function findTable(relation: KnownRelation): Dependency {
    const root = rootOf(relation);
    const isPartitioned = relation.kind === "p" || relation.root !== 0;
    const heirs = isPartitioned ? [] : (descendants.get(root) ?? []).map(([, heir]) => heir);
    if (relation.isGuarded) return { kind: "unknown", reason: "row-security" };
    for (const oid of [root, ...heirs]) {
      const table = tables.get(oid);
      if (table === undefined) return { kind: "unknown", reason: "not-followed" };
      if (!("columns" in table)) return { kind: "unknown", reason: table.reason };
    }
    return { kind: "tables", tables: [root, ...heirs], isTable: true };
  }

  function findView({ tree }: KnownRelation): Dependency {
    if (tree === undefined || !tree.isKnown || isUnsteady(tree)) return { kind: "unknown", reason: "view" };
    const all: number[] = [];
    for (const oid of tree.relations) {
      const below = of(oid);
      if (below.kind === "unknown") return below;
      all.push(...below.tables);
    }
    // A view on no table at all could never be told to have changed.
    if (all.length === 0) return { kind: "unknown", reason: "view" };
    return { kind: "tables", tables: unique(all), isTable: false };
  }

  function isUnsteady(tree: Unsteady): boolean {
    return PARTS.some((part) => [...tree[part]].some((oid) => unsteady[part].has(oid)));
  }

  return of;
}

const PARTS = ["functions", "operators", "aggregates"] as const;

function parseRows(json: string | null | undefined): readonly unknown[] {
  return JSON.parse(json ?? "[]") as readonly unknown[];
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}
