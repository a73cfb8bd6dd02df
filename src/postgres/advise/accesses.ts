import { escapeIdentifier } from "pg";
import { columnsIn, type Condition, type Operand, readConditions, readSortKey } from "./condition.ts";
import { type PlanNode, type Visit, visit } from "./plan-tree.ts";

/** What an index entry begins with or goes on with: a column, or an expression of some. */
export interface Key {
  /** As `CREATE INDEX` wants it. */
  readonly sql: string;
  readonly columns: readonly string[];
  readonly isExpression: boolean;
}

/** How a statement gets at the rows of one table, and what an index could do for it. */
export interface Access {
  readonly schema: string;
  readonly table: string;
  /** Compared with one value that is known before the table is read. */
  readonly equal: readonly Key[];
  /** Compared with a column of another table, each time with the value of one row of that. */
  readonly joined: readonly Key[];
  /** Compared with a column of a table that it is joined to as a whole. */
  readonly joinable: readonly Key[];
  /** Compared with any of several values. */
  readonly anyOf: readonly Key[];
  readonly ranges: readonly Key[];
  /** Compared in ways that only GIN and its like serve, and patterns. */
  readonly searches: readonly Search[];
  /** Conditions that are the same in each execution: what a partial index could be limited to. */
  readonly fixed: readonly Fixed[];
  readonly order: readonly OrderKey[];
  /** Columns that the statement needs of the table; absent: it cannot be told, or the whole row. */
  readonly needed: readonly string[] | undefined;
  /** How many rows are wanted, where only the first are. */
  readonly limit: number | undefined;
  /** By the planner's estimates: rows that are found and what that costs, each time, and how often it is done. */
  readonly rows: number;
  readonly cost: number;
  readonly loops: number;
}

export interface Search {
  readonly key: Key;
  readonly operator: string;
  /** SQL of the value, where it is the same each time. */
  readonly literal: string | undefined;
}

export interface Fixed {
  readonly columns: readonly string[];
  readonly sql: string;
}

export interface OrderKey {
  readonly key: Key;
  readonly descending: boolean;
  readonly nullsFirst: boolean;
}

const RANGES: ReadonlySet<string> = new Set(["<", "<=", ">", ">="]);
/** Of each operator, the one that says the same with its sides exchanged. */
const MIRRORED: Readonly<Record<string, string>> = {
  "<": ">",
  "<=": ">=",
  ">": "<",
  ">=": "<=",
  "@>": "<@",
  "<@": "@>",
};

/** Every access to a table that a plan makes. */
export function readAccesses(plan: PlanNode): readonly Access[] {
  const visits = [...visit(plan)];
  return visits
    .filter(
      ({ node }) =>
        node["Relation Name"] !== undefined && node.Alias !== undefined && node["Node Type"] !== "ModifyTable",
    )
    .map((each) => readAccess(each, visits));
}

function readAccess({ node, ancestors, loops }: Visit, visits: readonly Visit[]): Access {
  const alias = node.Alias ?? "";
  const found = new Found(alias);
  for (const each of conditionsOf(node)) found.add(each, false);
  for (const { node: other } of visits) {
    for (const text of [other["Join Filter"], other["Hash Cond"], other["Merge Cond"]]) {
      if (text === undefined || text === "") continue;
      for (const each of readConditions(text)) found.add(each, true);
    }
  }
  const limit = ancestors.findIndex(({ "Node Type": type }) => type === "Limit");
  return {
    schema: node.Schema ?? "public",
    table: node["Relation Name"] ?? "",
    ...found.keys,
    order: orderOf(alias, ancestors),
    needed: neededOf(node, visits),
    limit:
      limit !== -1 && ancestors.slice(0, limit).every(({ "Node Type": type }) => PASSES_ORDER.has(type))
        ? ancestors[limit]!["Plan Rows"]
        : undefined,
    rows: node["Plan Rows"],
    cost: node["Total Cost"],
    loops,
  };
}

/** Nodes above a scan that need no more than the first rows to answer the first rows, once these come in order. */
const PASSES_ORDER: ReadonlySet<string> = new Set([
  "Sort",
  "Incremental Sort",
  "Nested Loop",
  "Result",
  "Subquery Scan",
  "Memoize",
  "Gather Merge",
]);

function conditionsOf(node: PlanNode): readonly Condition[] {
  const own = [node["Index Cond"], node["Recheck Cond"], node.Filter].filter(
    (text) => text !== undefined && text !== "",
  );
  return own.flatMap((text) => readConditions(text ?? ""));
}

class Found {
  readonly #alias: string;
  readonly keys = {
    equal: [] as Key[],
    joined: [] as Key[],
    joinable: [] as Key[],
    anyOf: [] as Key[],
    ranges: [] as Key[],
    searches: [] as Search[],
    fixed: [] as Fixed[],
  };

  constructor(alias: string) {
    this.#alias = alias;
  }

  /** @param isJoin whether the condition is that of a join, so that both sides are columns */
  add(condition: Condition, isJoin: boolean): void {
    if (condition.kind === "test") {
      const key = this.#keyOf(condition.operand, isJoin);
      if (key === undefined) return;
      this.keys.fixed.push({ columns: key.columns, sql: testSql(key, condition.test) });
      return;
    }
    if (condition.kind !== "compare") return;
    const { left, right, operator, isAny } = condition;
    // Of two columns of one table none is known before the other.
    const key = this.#keyOf(left, isJoin);
    const other = this.#keyOf(right, isJoin);
    if ((key === undefined) === (other === undefined)) return;
    if (isJoin) {
      if (operator === "=" && !isAny) addKey(this.keys.joinable, (key ?? other)!);
    } else if (key !== undefined) this.#compare(key, operator, right, isAny);
    else if (other !== undefined && !isAny) this.#compare(other, MIRRORED[operator] ?? operator, left, false);
  }

  #compare(key: Key, operator: string, value: Operand, isAny: boolean): void {
    const { equal, joined, anyOf, ranges, searches, fixed } = this.keys;
    if (value.kind === "other") return;
    const literal = value.kind === "value" ? value.literal : undefined;
    if (operator === "=" && isAny) addKey(anyOf, key);
    else if (operator === "=") {
      const isOfOther = value.kind !== "value" || value.columns.length > 0;
      addKey(isOfOther ? joined : equal, key);
      if (literal !== undefined && !key.isExpression)
        fixed.push({ columns: key.columns, sql: `${key.sql} = ${literal}` });
    } else if (isAny) return;
    else if (RANGES.has(operator)) addKey(ranges, key);
    else searches.push({ key, operator, literal });
  }

  #keyOf(operand: Operand, isJoin: boolean): Key | undefined {
    if (operand.kind === "column") {
      const { alias, column } = operand.name;
      if (alias === undefined ? isJoin : alias !== this.#alias) return undefined;
      return SYSTEM_COLUMNS.has(column) ? undefined : columnKey(column);
    }
    if (operand.kind !== "expression") return undefined;
    if (operand.alias === undefined ? isJoin : operand.alias !== this.#alias) return undefined;
    return { sql: `(${operand.sql})`, columns: operand.columns, isExpression: true };
  }
}

const SYSTEM_COLUMNS: ReadonlySet<string> = new Set(["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"]);

/** A column as a key. */
export function columnKey(column: string): Key {
  return { sql: quoteName(column), columns: [column], isExpression: false };
}

/** As a person would write it: in quotes where it has to be. */
export function quoteName(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) && !RESERVED.has(name) ? name : escapeIdentifier(name);
}

/** Words that cannot name a column or table bare (PostgreSQL documentation, appendix C). */
const RESERVED: ReadonlySet<string> = new Set(
  `all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation column concurrently constraint
  create cross current_catalog current_date current_role current_schema current_time current_timestamp current_user default deferrable desc
  distinct do else end except false fetch for foreign freeze from full grant group having ilike in initially inner intersect into is isnull join
  lateral leading left like limit localtime localtimestamp natural not notnull null offset on only or order outer overlaps placing primary
  references returning right select session_user similar some symmetric system_user table tablesample then to trailing true union unique user
  using variadic verbose when where window with`.split(/\s+/),
);

function addKey(keys: Key[], key: Key): void {
  if (!keys.some(({ sql }) => sql === key.sql)) keys.push(key);
}

function testSql({ sql }: Key, test: Extract<Condition, { kind: "test" }>["test"]): string {
  return test === "true" ? sql : test === "false" ? `not ${sql}` : `${sql} is ${test}`;
}

/** The nearest sort above, where all its keys are of this table: those of several tables no index has together. */
function orderOf(alias: string, ancestors: readonly PlanNode[]): readonly OrderKey[] {
  const sort = ancestors.find(({ "Node Type": type }) => type === "Sort" || type === "Incremental Sort");
  if (sort === undefined) return [];
  const keys: OrderKey[] = [];
  for (const line of sort["Sort Key"] ?? []) {
    const read = readSortKey(line);
    if (read === undefined) return [];
    const { operand, ...direction } = read;
    const isOurs = (of: string | undefined): boolean => of === alias || of === undefined;
    if (operand.kind === "column" && isOurs(operand.name.alias)) {
      keys.push({ key: columnKey(operand.name.column), ...direction });
    } else if (operand.kind === "expression" && isOurs(operand.alias)) {
      keys.push({ key: { sql: `(${operand.sql})`, columns: operand.columns, isExpression: true }, ...direction });
    } else return [];
  }
  return keys;
}

/**
 * What other nodes say of the table, and its own conditions. Its own output does not tell: a scan hands on whole rows wherever that
 * is cheaper than picking columns.
 */
function neededOf(node: PlanNode, visits: readonly Visit[]): readonly string[] | undefined {
  const alias = node.Alias;
  const scans = visits.filter(({ node: { Alias } }) => Alias !== undefined);
  const isAlone = scans.length === 1;
  const isTop = visits[0]?.node === node;
  const texts = visits.flatMap(({ node: each }) => [
    ...(each === node && !isTop
      ? []
      : each["Node Type"] === "Sort" || each["Node Type"] === "Hash"
        ? []
        : (each.Output ?? [])),
    ...(each["Sort Key"] ?? []),
    ...[
      each.Filter,
      each["Index Cond"],
      each["Recheck Cond"],
      each["Join Filter"],
      each["Hash Cond"],
      each["Merge Cond"],
    ].filter((text) => text !== undefined && text !== ""),
  ]);
  const needed = new Set<string>();
  for (const text of texts) {
    for (const { alias: of, column } of columnsIn(text ?? "")) {
      if (of !== alias && !(of === undefined && isAlone)) continue;
      if (column === "*" || column === alias) return undefined;
      needed.add(column);
    }
  }
  return [...needed];
}
