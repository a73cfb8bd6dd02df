import type { StatementPlan, WastefulScan } from "../api/source.ts";
import { type CommandResult, type Pool, unnamedStatement } from "./pool/index.ts";
import { findScans } from "./plan-scans.ts";
import { identifier } from "./query/sql-text.ts";
import type { SentFor } from "./sent-statements.ts";

/** A plan that takes longer is not worth it; who waits for a lock is in somebody's way. */
const STATEMENT_TIMEOUT = "2s";
const LOCK_TIMEOUT = "200ms";
/** What a call waits for, connection included. */
const TIMEOUT_MS = 5000;
/** Tables of fewer rows are quicker read than looked up. */
const LARGE_ROWS = 10_000;
/** A scan is wasteful that keeps no more of the rows than this. */
const FEW_OF_ROWS = 0.1;

/**
 * Has PostgreSQL plan a statement that was sent before, for any values of its parameters, as the role that it was sent for. It is prepared
 * and not run: `EXPLAIN` without `ANALYZE`, in a transaction that only reads and is rolled back.
 *
 * Rejects with what PostgreSQL says of it.
 */
export async function explain(pool: Pool, text: string, { role, schema }: SentFor): Promise<StatementPlan> {
  const options = { timeoutMs: TIMEOUT_MS };
  await using session = await pool.acquire(options);
  const run = async (sql: string, ...values: readonly string[]): Promise<CommandResult> => {
    const [result] = await session.run([{ statement: unnamedStatement(sql), values }], options);
    if (result === undefined) throw new Error("PostgreSQL answered nothing.");
    return result;
  };
  try {
    await run("BEGIN READ ONLY");
    await run(SETTINGS, `${identifier(schema)}, ${(await run(SEARCH_PATH)).rows[0]?.[0] ?? ""}`);
    if (role !== null) await run(ROLE, role);
    await run(`PREPARE ${NAME} AS ${text}`);
    const parameters = Number((await run(PARAMETERS)).rows[0]?.[0] ?? 0);
    const values = parameters === 0 ? "" : `(${Array.from({ length: parameters }, () => "NULL").join(", ")})`;
    const words = await run(`EXPLAIN EXECUTE ${NAME}${values}`);
    const tree = await run(`EXPLAIN (FORMAT JSON, VERBOSE) EXECUTE ${NAME}${values}`);
    const scans: WastefulScan[] = [];
    for (const { schema: inSchema, relation, filter, names, kept } of findScans(tree.rows[0]?.[0] ?? "[]")) {
      const [facts] = (await run(FACTS, identifier(inSchema), identifier(relation), JSON.stringify(names))).rows;
      const rows = Number(facts?.[0] ?? 0);
      if (rows < LARGE_ROWS || kept > rows * FEW_OF_ROWS) continue;
      const columns = JSON.parse(facts?.[1] ?? "[]") as readonly string[];
      scans.push({ relation: facts?.[2] ?? relation, rows, kept, filter, columns });
    }
    return { text: words.rows.map(([line]) => line).join("\n"), scans };
  } finally {
    await session.rollBack();
    // Prepared statements outlive their transaction.
    await run(DEALLOCATE).catch(() => undefined);
  }
}

const NAME = "hotpath_plan";
const SEARCH_PATH = "SHOW search_path";
const ROLE = "SELECT set_config('role', $1, true)";
const DEALLOCATE = `DEALLOCATE ${NAME}`;

const SETTINGS = `SELECT set_config('search_path', $1, true), set_config('plan_cache_mode', 'force_generic_plan', true),
  set_config('statement_timeout', '${STATEMENT_TIMEOUT}', true), set_config('lock_timeout', '${LOCK_TIMEOUT}', true)`;

const PARAMETERS = `SELECT cardinality(parameter_types) FROM pg_catalog.pg_prepared_statements WHERE name = '${NAME}'`;

/** Rows, those of the named columns that it has, and the relation as SQL writes it. */
const FACTS = `SELECT c.reltuples::bigint,
    (SELECT coalesce(jsonb_agg(quote_ident(a.attname) ORDER BY n.ordinality), '[]')
       FROM jsonb_array_elements_text($3::jsonb) WITH ORDINALITY AS n (name, ordinality)
       JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = n.name AND a.attnum > 0 AND NOT a.attisdropped),
    c.oid::regclass::text
  FROM pg_catalog.pg_class c WHERE c.oid = to_regclass($1 || '.' || $2)`;

/** What is sent beside the statement that is planned: always the same. */
export const PLANNING: readonly string[] = [SEARCH_PATH, SETTINGS, ROLE, PARAMETERS, FACTS, DEALLOCATE];
