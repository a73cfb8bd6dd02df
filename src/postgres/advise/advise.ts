import type { Client } from "pg";
import { escapeIdentifier } from "pg";
import type { PostgresSettings } from "../../api/settings.ts";
import type { CatalogQuery } from "../catalog/catalog-query.ts";
import { connect, createClient, destroyClient } from "../pool/open.ts";
import { type Access, type Key, readAccesses } from "./accesses.ts";
import { type Candidate, candidatesFor, signature } from "./candidates.ts";
import { chooseIndexes, type Chosen } from "./choose.ts";
import { createIndex, indexName } from "./definition.ts";
import { createEstimateProbe, type Examined } from "./estimate.ts";
import {
  bareForeignKeys,
  type BareForeignKey,
  duplicateIndexes,
  type Superfluous,
  unusedIndexes,
} from "./housekeeping.ts";
import { visit } from "./plan-tree.ts";
import { createPlanner, type Planner } from "./planner.ts";
import { createBuildProbe, createHypopgProbe, isKnownToHypopg, type Probe, type Verification } from "./probe.ts";
import { type DatabaseFacts, readFacts, tableName } from "./tables.ts";
import { type LoadedStatement, MAX_STATEMENTS, type Workload } from "./workload.ts";

/** What the advisor has to say. Costs are the planner's, in its own unit. */
export interface IndexAdvice {
  readonly origin: string;
  readonly verification: Verification;
  /** `milliseconds`, or `cost`: calls times cost, where times are not known. */
  readonly unit: "milliseconds" | "cost";
  readonly statements: number;
  readonly load: { readonly before: number; readonly after: number };
  readonly proposals: readonly Proposal[];
  readonly foreignKeys: readonly BareForeignKey[];
  readonly unused: readonly Superfluous[];
  readonly duplicates: readonly Superfluous[];
  readonly skipped: Workload["skipped"];
}

/** An index to build, and what it is good for. */
export interface Proposal {
  readonly table: string;
  readonly ddl: string;
  readonly bytes: number;
  /** What keeping it costs: rows that were changed so far, each of which would have made an entry, and the indexes that the table has. */
  readonly upkeep: { readonly changes: number; readonly indexes: number };
  readonly gains: readonly Gain[];
}

/** What a statement gains by all proposals together. */
export interface Gain {
  readonly statement: string;
  /** How it gets at the table's rows: `by status and total, in order of created_at`. */
  readonly access: string;
  readonly requests: readonly string[];
  readonly calls: number;
  /** Rows that a call answers, in the mean, where that is known. */
  readonly rows: number | undefined;
  readonly before: { readonly cost: number; readonly load: number };
  readonly after: { readonly cost: number; readonly load: number };
}

export interface AdviseOptions {
  /** Whether indexes may be built, in transactions that are rolled back. Default: HypoPG where it is installed, else an estimate. */
  readonly build?: boolean;
  /** Answers the workload; it may ask the database. */
  readonly workload: (query: CatalogQuery) => Promise<Workload>;
}

/** Longer, and whoever it keeps waiting has waited enough. */
const BUILD_TIMEOUT_MS = 120_000;
const STATEMENT_TIMEOUT_MS = 30_000;
const LOCK_TIMEOUT_MS = 2000;
/** Each is tried on its own: that is what the advisor's time goes into. */
const MAX_CANDIDATES = 300;
/** A table of fewer pages is read as quickly without an index. */
const LEAST_PAGES = 4;
/** Of a statement's cost: what an access must take for an index to be looked for. */
const LEAST_SHARE = 0.05;
/** A statement that costs less reads a handful of pages: it is quick. */
const LEAST_COST = 25;
/** What an entry takes to be made, in milliseconds and in the planner's unit (measured with 18.0: 2-6 µs in memory; GIN has several entries a row). */
const ENTRY = {
  btree: { milliseconds: 0.006, cost: 0.6 },
  gin: { milliseconds: 0.06, cost: 6 },
  gist: { milliseconds: 0.03, cost: 3 },
} as const;

/**
 * Says which indexes a database lacks for what it is asked. Changes nothing: sessions are read-only, but with `build`, whose transactions are
 * rolled back.
 *
 * @throws HotpathError HP_DATABASE_UNREACHABLE, HP_DATABASE_REFUSED
 */
export async function adviseIndexes(
  settings: PostgresSettings,
  { workload: find, build = false }: AdviseOptions,
): Promise<IndexAdvice> {
  const timeout = build ? BUILD_TIMEOUT_MS : STATEMENT_TIMEOUT_MS;
  const client = createClient(
    { ...settings.pool, url: settings.url },
    { statement_timeout: timeout, lock_timeout: LOCK_TIMEOUT_MS },
  );
  await connect(client);
  try {
    const query: CatalogQuery = async (text, values) =>
      (await client.query<(string | null)[]>({ text, values: [...values], rowMode: "array", types: TEXTS })).rows;
    await prepareSession(client, settings, build);
    return await advise(client, await readFacts(query), await find(query), build);
  } finally {
    destroyClient(client);
  }
}

const TEXTS = { getTypeParser: () => (text: string) => text };

async function prepareSession(
  client: Client,
  { schemas, extraSearchPath }: PostgresSettings,
  build: boolean,
): Promise<void> {
  const path = [...new Set([...schemas, ...extraSearchPath])].map(escapeIdentifier).join(", ");
  await client.query(`set search_path to ${path}`);
  await client.query("set plan_cache_mode to force_generic_plan");
  if (!build) await client.query("set default_transaction_read_only to on");
}

async function advise(client: Client, facts: DatabaseFacts, workload: Workload, build: boolean): Promise<IndexAdvice> {
  const planner = createPlanner(client);
  const skipped = [...workload.skipped];
  const examined: Examined[] = [];
  const writes: { table: string; rows: number }[] = [];
  for (const statement of workload.statements.slice(0, MAX_STATEMENTS)) {
    try {
      const one = await examine(statement, planner, facts);
      // Of the system's own tables, or of none.
      if (![...one.tables].some((table) => facts.tables.has(table)) && one.writes === undefined) continue;
      examined.push(one);
      if (one.writes !== undefined) writes.push({ table: one.writes, rows: statement.calls });
    } catch (error) {
      if (!(error instanceof Error && "code" in error)) throw error;
      skipped.push({ what: statement.text.slice(0, 200), why: error.message, times: statement.calls });
    }
  }
  const unit = examined.every(({ statement }) => statement.ms !== undefined) ? "milliseconds" : "cost";
  const loads = examined.map(({ statement, before }) =>
    unit === "milliseconds" ? (statement.ms ?? 0) : statement.calls * before.cost,
  );
  const probe = await chooseProbe(client, planner, examined, facts, build);
  const upkeep = ({ table, method }: Candidate): number => {
    const name = tableName(table.schema, table.name);
    return writes.reduce((sum, write) => sum + (write.table === name ? write.rows : 0), 0) * ENTRY[method][unit];
  };
  const candidates = findCandidates(examined, loads, facts);
  for (const candidate of probe.kind === "hypopg" ? candidates.filter((each) => !isKnownToHypopg(each)) : []) {
    const what = createIndex(candidate, indexName(candidate, new Set()), true);
    skipped.push({ what, why: "HypoPG knows B-trees only; --build would try it", times: 1 });
  }
  const chosen = await chooseIndexes({ examined, loads, candidates, probe, upkeep });
  return report({ workload, examined, loads, chosen, facts, unit, skipped, verification: probe.kind });
}

interface Looked extends Examined {
  /** The table that the statement changes. */
  readonly writes: string | undefined;
}

async function examine(statement: LoadedStatement, planner: Planner, facts: DatabaseFacts): Promise<Looked> {
  const plan = await planner.shape(statement);
  const before = await planner.cost(statement);
  const accesses = readAccesses(plan);
  const outermost = (schema: string, table: string): string => {
    const name = tableName(schema, table);
    return facts.partitions.get(name) ?? name;
  };
  let writes: string | undefined;
  for (const { node } of visit(plan)) {
    if (node["Node Type"] === "ModifyTable") writes = outermost(node.Schema ?? "public", node["Relation Name"] ?? "");
  }
  const tables = new Set(accesses.map(({ schema, table }) => outermost(schema, table)));
  return { statement, accesses, tables, before, shapeCost: plan["Total Cost"], writes };
}

async function chooseProbe(
  client: Client,
  planner: Planner,
  examined: readonly Examined[],
  facts: DatabaseFacts,
  build: boolean,
): Promise<Probe> {
  if (build) return createBuildProbe(client, planner);
  return facts.extensions.installed.has("hypopg")
    ? createHypopgProbe(client, planner)
    : createEstimateProbe(examined, facts);
}

function findCandidates(
  examined: readonly Examined[],
  loads: readonly number[],
  facts: DatabaseFacts,
): readonly Candidate[] {
  const preference = preferenceOf(examined, loads);
  const found = new Map<string, { candidate: Candidate; load: number }>();
  for (const [at, { accesses, shapeCost, before }] of examined.entries()) {
    for (const access of accesses) {
      const load = loads[at]!;
      if (before.cost < LEAST_COST || access.cost * access.loops < LEAST_SHARE * shapeCost) continue;
      for (const candidate of candidatesFor(access, facts, (key) => preference(access, key))) {
        if (candidate.table.pages < LEAST_PAGES) continue;
        const known = found.get(signature(candidate));
        found.set(signature(candidate), { candidate, load: load + (known?.load ?? 0) });
      }
    }
  }
  return [...found.values()]
    .sort((one, other) => other.load - one.load)
    .slice(0, MAX_CANDIDATES)
    .map(({ candidate }) => candidate);
}

/** How much load compares a column for equality. */
function preferenceOf(examined: readonly Examined[], loads: readonly number[]): (access: Access, key: Key) => number {
  const weights = new Map<string, number>();
  for (const [at, { accesses }] of examined.entries()) {
    for (const access of accesses) {
      for (const key of [...access.equal, ...access.joined]) {
        const name = keyName(access, key);
        weights.set(name, (weights.get(name) ?? 0) + loads[at]!);
      }
    }
  }
  return (access, key) => weights.get(keyName(access, key)) ?? 0;
}

function keyName({ schema, table }: Access, { sql }: Key): string {
  return `${tableName(schema, table)} ${sql}`;
}

interface ReportInput {
  readonly workload: Workload;
  readonly examined: readonly Examined[];
  readonly loads: readonly number[];
  readonly chosen: Chosen;
  readonly facts: DatabaseFacts;
  readonly unit: IndexAdvice["unit"];
  readonly skipped: Workload["skipped"];
  readonly verification: Verification;
}

function report({ workload, examined, loads, chosen, facts, unit, skipped, verification }: ReportInput): IndexAdvice {
  const taken = new Set([...facts.tables.values()].flatMap(({ indexes }) => indexes.map(({ name }) => name)));
  const loadAfter = (at: number): number =>
    (loads[at]! * chosen.after[at]!) / Math.max(examined[at]!.before.cost, 1e-9);
  const proposals = chosen.choices.map(({ candidate, bytes }, place): Proposal => {
    const name = indexName(candidate, taken);
    taken.add(name);
    const extension =
      candidate.extension === undefined ? "" : `create extension if not exists ${candidate.extension};\n`;
    const gains = (chosen.users[place] ?? []).map((at): Gain => ({
      statement: examined[at]!.statement.text,
      access: describeAccess(examined[at]!.accesses, candidate),
      requests: examined[at]!.statement.requests,
      calls: examined[at]!.statement.calls,
      rows: examined[at]!.statement.rows,
      before: { cost: examined[at]!.before.cost, load: loads[at]! },
      after: { cost: chosen.after[at]!, load: loadAfter(at) },
    }));
    return {
      table: tableName(candidate.table.schema, candidate.table.name),
      ddl: `${extension}${createIndex(candidate, name, true)};`,
      bytes,
      upkeep: { changes: candidate.table.changes, indexes: candidate.table.indexes.length },
      gains: gains.sort((one, other) => savedBy(other) - savedBy(one)),
    };
  });
  const proposed = chosen.choices.map(({ candidate }) => candidate);
  const isServed = ({ ddl }: BareForeignKey): boolean => {
    const key = /\((.*)\);$/.exec(ddl)?.[1] ?? "";
    return proposed.some(
      ({ keys, method, where }) =>
        method === "btree" && where === undefined && `${keys.join(", ")}, `.startsWith(`${key}, `),
    );
  };
  const duplicates = duplicateIndexes(facts);
  const used = new Set(examined.flatMap(({ before }) => [...before.indexes]));
  return {
    origin: workload.origin,
    verification,
    unit,
    statements: examined.length,
    load: { before: sum(loads), after: sum(loads.map((_, at) => loadAfter(at))) },
    proposals,
    foreignKeys: bareForeignKeys(facts, taken).filter((key) => !isServed(key)),
    unused: unusedIndexes(facts, used).filter(({ index }) => !duplicates.some((each) => each.index === index)),
    duplicates,
    skipped,
  };
}

function describeAccess(accesses: readonly Access[], { table }: Candidate): string {
  const access = accesses.find((each) => each.table === table.name && each.schema === table.schema);
  if (access === undefined) return "";
  const { equal, joined, joinable, anyOf, ranges, searches, fixed, order } = access;
  const compared = [...equal, ...joined, ...joinable, ...anyOf, ...ranges, ...searches.map(({ key }) => key)].map(
    ({ sql }) => sql,
  );
  const by = [...new Set([...compared, ...fixed.map(({ sql }) => sql)])].join(" and ");
  const sorted = order.map(({ key, descending }) => `${key.sql}${descending ? " desc" : ""}`).join(", ");
  return [by && `by ${by}`, sorted && `in order of ${sorted}`].filter(Boolean).join(", ");
}

function savedBy({ before, after }: Gain): number {
  return before.load - after.load;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
