import { createIndex, indexName } from "./definition.ts";
import { foreignKeyCandidate } from "./candidates.ts";
import { quoteName } from "./accesses.ts";
import type { DatabaseFacts, ForeignKey, IndexFacts, TableFacts } from "./tables.ts";

/** An index that could go. */
export interface Superfluous {
  readonly table: string;
  readonly index: string;
  readonly bytes: number;
  readonly why: string;
  readonly ddl: string;
}

/** A table that has been read less often than that tells nothing of its indexes. */
const LEAST_READS = 100;

/**
 * Indexes that nothing has read since counting began, of tables that were read. Those that hold up a constraint stay out of it, and those
 * that `used` names.
 */
export function unusedIndexes(facts: DatabaseFacts, used: ReadonlySet<string>): readonly Superfluous[] {
  const since = facts.countedSince === undefined ? "since its use is counted" : `since ${facts.countedSince}`;
  return eachIndex(facts)
    .filter(({ table: { reads } }) => reads >= LEAST_READS)
    .filter(({ index: { scans, isNeeded, isUnique, isValid } }) => isValid && scans === 0 && !isNeeded && !isUnique)
    .filter(({ index: { name } }) => !used.has(name))
    .map(({ table, index }) =>
      superfluous(table, index, `read by nothing ${since} on this server; replicas count for themselves`),
    );
}

/** Indexes that another one does the work of: the same, or one that goes on behind the same keys. Invalid ones, too. */
export function duplicateIndexes(facts: DatabaseFacts): readonly Superfluous[] {
  const found: Superfluous[] = [];
  for (const table of facts.tables.values()) {
    const gone = new Set<IndexFacts>();
    for (const index of table.indexes) {
      if (!index.isValid)
        found.push(superfluous(table, index, "invalid: its building failed, and it is kept up to date for nothing"));
      if (index.isNeeded || index.isUnique || !index.isValid) continue;
      const other = table.indexes.find((each) => each !== index && !gone.has(each) && doesWorkOf(each, index));
      if (other === undefined) continue;
      gone.add(index);
      const why =
        other.keys.length === index.keys.length
          ? `the same as ${other.name}`
          : `${other.name} begins with the same keys`;
      found.push(superfluous(table, index, why));
    }
  }
  return found;
}

function doesWorkOf(other: IndexFacts, index: IndexFacts): boolean {
  if (!other.isValid || other.method !== index.method || other.where !== index.where) return false;
  // Only a B-tree is read by its first keys as well as by all.
  if (other.keys.length > index.keys.length && index.method !== "btree") return false;
  const isBeginning = index.keys.every((key, at) => other.keys[at] === key && other.orders[at] === index.orders[at]);
  return isBeginning && index.include.every((column) => other.include.includes(column) || other.keys.includes(column));
}

function eachIndex({ tables }: DatabaseFacts): readonly { table: TableFacts; index: IndexFacts }[] {
  return [...tables.values()].flatMap((table) => table.indexes.map((index) => ({ table, index })));
}

function superfluous(table: TableFacts, { name, bytes }: IndexFacts, why: string): Superfluous {
  const ddl = `drop index concurrently ${quoteName(table.schema)}.${quoteName(name)};`;
  return { table: `${table.schema}.${table.name}`, index: name, bytes, why, ddl };
}

/** A foreign key whose table has to be read as a whole whenever a row that it may refer to is deleted or gets another key. */
export interface BareForeignKey {
  readonly table: string;
  readonly constraint: string;
  readonly references: string;
  /** Rows deleted from the other table so far: how often it has mattered. */
  readonly deleted: number;
  readonly rows: number;
  readonly ddl: string;
}

/** Tables of fewer pages are read as quickly without an index. */
const LEAST_PAGES = 8;

/** Foreign keys without an index, of tables that are not small. */
export function bareForeignKeys(facts: DatabaseFacts, taken: ReadonlySet<string>): readonly BareForeignKey[] {
  const found: BareForeignKey[] = [];
  for (const table of facts.tables.values()) {
    for (const key of table.pages < LEAST_PAGES ? [] : table.foreignKeys) {
      const made = bare(table, key, facts, taken);
      if (made !== undefined) found.push(made);
    }
  }
  return found.sort((one, other) => other.deleted - one.deleted || other.rows - one.rows);
}

function bare(
  table: TableFacts,
  { name, columns, references }: ForeignKey,
  facts: DatabaseFacts,
  taken: ReadonlySet<string>,
): BareForeignKey | undefined {
  const candidate = foreignKeyCandidate(table, columns);
  if (candidate === undefined) return undefined;
  return {
    table: `${table.schema}.${table.name}`,
    constraint: name,
    references,
    deleted: facts.tables.get(references)?.deleted ?? 0,
    rows: table.rows,
    ddl: `${createIndex(candidate, indexName(candidate, taken), true)};`,
  };
}
