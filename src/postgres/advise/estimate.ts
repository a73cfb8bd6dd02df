import type { Access, Key } from "./accesses.ts";
import type { Candidate } from "./candidates.ts";
import type { Planned } from "./planner.ts";
import type { Probe } from "./probe.ts";
import { type DatabaseFacts, tableName } from "./tables.ts";
import type { LoadedStatement } from "./workload.ts";

/** What is known of a statement before any index is tried. */
export interface Examined {
  readonly statement: LoadedStatement;
  readonly accesses: readonly Access[];
  /** Names of the tables that it reads: keys of `DatabaseFacts.tables`. */
  readonly tables: ReadonlySet<string>;
  readonly before: Planned;
  /** Cost for any values: what those of `accesses` are parts of. */
  readonly shapeCost: number;
}

/** PostgreSQL's `cpu_tuple_cost` and `cpu_index_tuple_cost`, and an operator for each. */
const ROW_COST = 0.02;
/** The pages on the way down a tree, nearly always in memory. */
const DESCENT_COST = 0.5;
/** What a comparison by order leaves, where nobody can tell (PostgreSQL's DEFAULT_INEQ_SEL). */
const RANGE_SHARE = 1 / 3;
/** Of patterns and containment: DEFAULT_MATCH_SEL, DEFAULT_CONTAIN_SEL. */
const SEARCH_SHARE = 0.005;
/** An entry's own bytes beside its columns, and the room that B-trees leave. */
const ENTRY_BYTES = 16;
const FILL = 0.9;

/**
 * Where nothing may be built and HypoPG is not there: PostgreSQL's own figures of what the statement reads today, against the pages and
 * rows that an index would have it read. Rough, and said to be.
 */
export function createEstimateProbe(examined: readonly Examined[], facts: DatabaseFacts): Probe {
  const known = new Map(examined.map((each) => [each.statement, each]));
  return {
    kind: "estimated",
    outcome: async (candidates, statements) => {
      const users: number[][] = candidates.map(() => []);
      const planned = statements.map((statement, at): Planned => {
        const {
          accesses = [],
          before = { cost: 0, indexes: new Set<string>() },
          shapeCost = 1,
        } = known.get(statement) ?? {};
        let saved = 0;
        for (const access of accesses) {
          const savings = candidates.map((candidate) => savedBy(candidate, access, facts));
          const most = Math.max(0, ...savings);
          if (most === 0) continue;
          saved += most;
          users[savings.indexOf(most)]!.push(at);
        }
        const left = Math.max(0, 1 - saved / Math.max(shapeCost, 1e-9));
        return {
          cost: Math.max(before.cost * left, Math.min(before.cost, facts.randomPageCost)),
          indexes: before.indexes,
        };
      });
      return { planned, bytes: candidates.map(bytesOf), users };
    },
  };
}

function savedBy(candidate: Candidate, access: Access, { randomPageCost, partitions }: DatabaseFacts): number {
  const { table } = candidate;
  const named = tableName(access.schema, access.table);
  if (tableName(table.schema, table.name) !== (partitions.get(named) ?? named)) return 0;
  const rows = rowsRead(candidate, access);
  if (rows === undefined) return 0;
  const isCovering =
    candidate.include.length > 0 || (access.needed?.every((column) => candidate.columns.includes(column)) ?? false);
  const pages = isCovering ? Math.ceil(rows / 100) : Math.min(rows, table.pages);
  const cost =
    DESCENT_COST + randomPageCost * (candidate.method === "btree" ? 1 : 3) + randomPageCost * pages + ROW_COST * rows;
  return Math.max(0, access.cost - cost) * access.loops;
}

/** How many rows would be read by way of the index; undefined: it does not serve the access. */
function rowsRead({ table, method, keys, columns, where }: Candidate, access: Access): number | undefined {
  const all = Math.max(1, table.rows);
  if (where !== undefined && !access.fixed.some(({ sql }) => where.includes(sql))) return undefined;
  if (method !== "btree") {
    const isServed = access.searches.some(({ key }) => keys[0] === key.sql || keys[0]?.startsWith(`${key.sql} `));
    return isServed ? Math.max(1, Math.min(all * SEARCH_SHARE, Math.max(access.rows, 1))) : undefined;
  }
  let share = 1;
  let at = 0;
  for (; at < keys.length; at++) {
    const key = keys[at]!;
    if (!isIn(access.equal, key) && !isIn(access.joined, key) && !isIn(access.anyOf, key)) break;
    share /= table.columns.get(columns[at] ?? "")?.distinct ?? 200;
  }
  const isRange = at < keys.length && isIn(access.ranges, keys[at]!);
  if (isRange) share *= RANGE_SHARE;
  const order = access.order.filter(({ key }) => !isIn(access.equal, key.sql));
  const isSorted =
    order.length > 0 &&
    keys.length - at >= order.length &&
    order.every(({ key }, i) => keys[at + i]?.split(" ")[0] === key.sql);
  if (at === 0 && !isRange && !isSorted && where === undefined) return undefined;
  const terms = access.equal.length + access.joined.length + access.anyOf.length + access.ranges.length;
  const isWhole = terms <= at + (isRange ? 1 : 0) && access.searches.length === 0;
  const found = isWhole || where !== undefined ? Math.min(access.rows, all) : Math.max(access.rows, all * share);
  if (!isSorted || access.limit === undefined) return Math.max(1, found);
  // Of those in order the first will do, as far as the conditions that the index does not know let them through.
  return Math.max(1, Math.min(found, (access.limit * found) / Math.max(1, Math.min(access.rows, found))));
}

function isIn(of: readonly Key[], key: string): boolean {
  return of.some(({ sql }) => sql === key);
}

/** @returns bytes of the index, by the columns' mean width */
export function bytesOf({ table, columns, include, method, where }: Candidate): number {
  const width = [...columns, ...include].reduce((sum, column) => sum + (table.columns.get(column)?.width ?? 16), 0);
  const share = where === undefined ? 1 : 0.2;
  return Math.ceil((table.rows * share * (width + ENTRY_BYTES) * (method === "btree" ? 1 : 2)) / FILL);
}
