import { type Access, columnKey, type Key, type OrderKey, quoteName, type Search } from "./accesses.ts";
import { type DatabaseFacts, type IndexFacts, type TableFacts, tableName } from "./tables.ts";

/** An index that does not exist. */
export interface Candidate {
  readonly table: TableFacts;
  readonly method: "btree" | "gin" | "gist";
  /** With direction or operator class. */
  readonly keys: readonly string[];
  /** Columns that the keys are made of. */
  readonly columns: readonly string[];
  readonly include: readonly string[];
  readonly where: string | undefined;
  /** Extension that it needs and that is not installed. */
  readonly extension: string | undefined;
  readonly isExpression: boolean;
}

/** More columns in an index are hardly ever worth what they weigh. */
const MAX_KEYS = 4;
const MAX_INCLUDED = 4;
/** Wider than that, an index begins to be a second table. */
const MAX_INCLUDED_BYTES = 64;

/**
 * Indexes that could serve an access: composite (compared for equality, then one of many, then a range or the order), partial, covering,
 * of expressions, GIN and trigram. Those that exist already are left out.
 *
 * @param preference of columns that are compared for equality: those that other statements compare, too, come first, so that one index
 *   serves them all
 */
export function candidatesFor(
  access: Access,
  facts: DatabaseFacts,
  preference: (key: Key) => number,
): readonly Candidate[] {
  const named = tableName(access.schema, access.table);
  const table = facts.tables.get(facts.partitions.get(named) ?? named);
  if (table === undefined) return [];
  const ordered = (keys: readonly Key[]): readonly Key[] =>
    [...keys].sort((one, other) => preference(other) - preference(one) || (one.sql < other.sql ? -1 : 1));
  const found = new Map<string, Candidate>();
  const add = (candidate: Candidate): void => {
    if (candidate.keys.length === 0 || candidate.keys.length > MAX_KEYS || exists(candidate)) return;
    found.set(signature(candidate), candidate);
  };
  const { equal, joined, joinable } = access;
  const sets = [[...equal, ...joined], ...(joinable.length > 0 ? [[...equal, ...joined, ...joinable]] : [])];
  for (const set of sets) {
    for (const keys of arrangements(ordered(set), access)) addVariants(table, keys, access, add);
  }
  for (const search of access.searches) addSearch(table, search, access, facts, add);
  return [...found.values()];
}

/** Two candidates of one signature are the same index. */
export function signature({ table, method, keys, include, where }: Candidate): string {
  return `${tableName(table.schema, table.name)} ${method} (${keys.join(", ")}) (${include.join(", ")}) ${where ?? ""}`;
}

interface Arrangement {
  readonly keys: readonly string[];
  readonly parts: readonly Key[];
}

function arrangements(equal: readonly Key[], access: Access): readonly Arrangement[] {
  const bare = equal.map(toPart);
  const anyOf = access.anyOf.map(toPart);
  const order = orderParts(access.order, equal);
  const made = [bare, [...bare, ...order]];
  if (anyOf.length > 0) made.push([...bare, ...anyOf], [...bare, ...anyOf, ...order]);
  for (const range of access.ranges) {
    const part = toPart(range);
    made.push([...bare, part], [...bare, ...anyOf, part]);
    // The order is that of the index where it begins with the range.
    if (order.length > 0 && order[0]!.key.sql !== range.sql) made.push([...bare, part, ...order]);
  }
  return made
    .filter((parts) => parts.length > 0)
    .map((parts) => parts.filter((part, at) => parts.findIndex(({ key }) => key.sql === part.key.sql) === at))
    .map((parts) => ({ keys: parts.map(({ sql }) => sql), parts: parts.map(({ key }) => key) }));
}

interface Part {
  readonly sql: string;
  readonly key: Key;
}

function toPart(key: Key): Part {
  return { sql: key.sql, key };
}

/** An order that is wholly the other way round is read backwards; what is compared for equality needs none. */
function orderParts(order: readonly OrderKey[], equal: readonly Key[]): readonly Part[] {
  const open = order.filter(({ key }) => !equal.some(({ sql }) => sql === key.sql));
  const isBackward = open.length > 0 && open.every(({ descending, nullsFirst }) => descending && nullsFirst);
  return open.map(({ key, descending, nullsFirst }) => {
    if (isBackward) return toPart(key);
    const nulls = nullsFirst === descending ? "" : nullsFirst ? " nulls first" : " nulls last";
    return { sql: `${key.sql}${descending ? " desc" : ""}${nulls}`, key };
  });
}

/** The index itself, one of the rows alone that the statement looks at, and one that holds all that it wants. */
function addVariants(
  table: TableFacts,
  { keys, parts }: Arrangement,
  access: Access,
  add: (candidate: Candidate) => void,
): void {
  const columns = [...new Set(parts.flatMap((part) => part.columns))];
  const isExpression = parts.some((part) => part.isExpression);
  const plain: Candidate = {
    table,
    method: "btree",
    keys,
    columns,
    include: [],
    where: undefined,
    extension: undefined,
    isExpression,
  };
  add(plain);
  const fixed = access.fixed.filter((each) =>
    each.columns.every((column) => !parts.some((part) => part.isExpression && part.columns.includes(column))),
  );
  const partial = withoutFixed(plain, parts, fixed);
  if (partial !== undefined) add(partial);
  for (const candidate of partial === undefined ? [plain] : [plain, partial]) {
    const include = includedBy(table, candidate, access);
    if (include !== undefined) add({ ...candidate, include });
  }
}

function withoutFixed(plain: Candidate, parts: readonly Key[], fixed: Access["fixed"]): Candidate | undefined {
  if (fixed.length === 0) return undefined;
  const where = [...new Set(fixed.map(({ sql }) => sql))].sort().join(" and ");
  const isFixed = (part: Key): boolean => fixed.some(({ columns }) => columns.length === 1 && columns[0] === part.sql);
  const kept = parts.map((part, at) => ({ part, sql: plain.keys[at]! })).filter(({ part }) => !isFixed(part));
  // Of rows that are told apart by nothing else, the column itself is as good a key as any.
  if (kept.length === 0) return { ...plain, where };
  return {
    ...plain,
    where,
    keys: kept.map(({ sql }) => sql),
    columns: [...new Set(kept.flatMap(({ part }) => part.columns))],
  };
}

function includedBy(
  table: TableFacts,
  { columns, where, isExpression }: Candidate,
  { needed, fixed }: Access,
): readonly string[] | undefined {
  // PostgreSQL does not see that an expression in the index spares the column.
  if (needed === undefined || isExpression) return undefined;
  const ofWhere = where === undefined ? [] : fixed.flatMap((each) => each.columns);
  const missing = needed.filter((column) => !columns.includes(column) && !ofWhere.includes(column));
  if (missing.length === 0 || missing.length > MAX_INCLUDED || needed.length === table.columns.size) return undefined;
  const bytes = missing.reduce((sum, column) => sum + (table.columns.get(column)?.width ?? Infinity), 0);
  return bytes > MAX_INCLUDED_BYTES ? undefined : missing.map(quoteName);
}

const PATTERNS: ReadonlySet<string> = new Set(["~~", "~~*", "~", "~*", "%"]);
const CONTAINMENT: ReadonlySet<string> = new Set(["@>", "<@", "&&", "?", "?|", "?&", "@?", "@@"]);

function addSearch(
  table: TableFacts,
  { key, operator, literal }: Search,
  access: Access,
  { extensions }: DatabaseFacts,
  add: (candidate: Candidate) => void,
): void {
  const single = {
    table,
    columns: key.columns,
    include: [],
    where: undefined,
    extension: undefined,
    isExpression: key.isExpression,
  };
  const facts = key.isExpression ? undefined : table.columns.get(key.columns[0] ?? "");
  if (PATTERNS.has(operator)) {
    const prefix = /^'[^'%_\\]+%'/.test(literal ?? "") && operator === "~~";
    if (prefix)
      add({ ...single, method: "btree", keys: [...access.equal.map(({ sql }) => sql), `${key.sql} text_pattern_ops`] });
    const isInstalled = extensions.installed.has("pg_trgm");
    if (!isInstalled && !extensions.available.has("pg_trgm")) return;
    add({
      ...single,
      method: "gin",
      keys: [`${key.sql} gin_trgm_ops`],
      extension: isInstalled ? undefined : "pg_trgm",
    });
  } else if (CONTAINMENT.has(operator)) {
    if (facts?.category === "R") add({ ...single, method: "gist", keys: [key.sql] });
    else if (facts === undefined || facts.category === "A" || facts.type === "tsvector" || facts.type === "jsonb") {
      const isPath = facts?.type === "jsonb" && (operator === "@>" || operator === "@?" || operator === "@@");
      add({ ...single, method: "gin", keys: [isPath ? `${key.sql} jsonb_path_ops` : key.sql] });
    }
  }
}

/** Whether there is an index that begins with the same keys and holds the same columns, for all rows or for the same ones. */
function exists({ table, method, keys, include, where }: Candidate): boolean {
  return table.indexes.some(
    (index) =>
      index.isValid &&
      index.method === method &&
      (index.where === null || sameCondition(index.where, where)) &&
      keys.every((key, at) => sameKey(index, at, key)) &&
      include.every((column) => index.keys.includes(column) || index.include.includes(column)),
  );
}

/** PostgreSQL writes conditions its own way: in parentheses, with types. Where it is not seen that they are the same, the planner shows it. */
function sameCondition(one: string, other: string | undefined): boolean {
  return other !== undefined && bareCondition(one) === bareCondition(other);
}

function bareCondition(text: string): string {
  return text.replaceAll(/[()\s]/g, "").toLowerCase();
}

function sameKey({ keys }: IndexFacts, at: number, key: string): boolean {
  return keys[at] !== undefined && bareKey(keys[at]) === bareKey(key);
}

function bareKey(key: string): string {
  return key
    .replace(/^\((.*)\)$/s, "$1")
    .replace(/ gin_trgm_ops| jsonb_path_ops| text_pattern_ops/, "")
    .toLowerCase();
}

/** The columns of a foreign key as keys of an index. */
export function foreignKeyCandidate(table: TableFacts, columns: readonly string[]): Candidate | undefined {
  const keys = columns.map((column) => columnKey(column).sql);
  const isServed = table.indexes.some(
    (index) =>
      index.isValid &&
      index.method === "btree" &&
      index.where === null &&
      keys.every((key) => index.keys.slice(0, keys.length).includes(key)),
  );
  if (isServed) return undefined;
  return {
    table,
    method: "btree",
    keys,
    columns,
    include: [],
    where: undefined,
    extension: undefined,
    isExpression: false,
  };
}
