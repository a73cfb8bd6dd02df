import type { Client } from "pg";
import { escapeIdentifier } from "pg";
import type { Candidate } from "./candidates.ts";
import { createIndex } from "./definition.ts";
import type { Planned, Planner } from "./planner.ts";
import type { LoadedStatement } from "./workload.ts";

/** What statements would cost if certain indexes were there. */
export interface Outcome {
  /** In the order of the statements. */
  readonly planned: readonly Planned[];
  /** Bytes of each index, in the order of the candidates. */
  readonly bytes: readonly number[];
  /** For each candidate, which statements' plans use it: places in `planned`. */
  readonly users: readonly (readonly number[])[];
}

/**
 * `hypopg`: the planner was told that they are there; `built`: they were, in a transaction that was rolled back; `estimated`: by arithmetic
 * of ours, which no planner has confirmed.
 */
export type Verification = "hypopg" | "built" | "estimated";

/** Finds out what indexes would do. */
export interface Probe {
  readonly kind: Verification;
  /** Undefined: one of them cannot be built. */
  outcome(candidates: readonly Candidate[], statements: readonly LoadedStatement[]): Promise<Outcome | undefined>;
}

/** Has the extension HypoPG pretend that the indexes are there: nothing is built, nobody is kept waiting. */
export function createHypopgProbe(client: Client, planner: Planner): Probe {
  return {
    kind: "hypopg",
    async outcome(candidates, statements) {
      const names: (readonly string[])[] = [];
      const bytes: number[] = [];
      try {
        for (const candidate of candidates) {
          if (!isKnownToHypopg(candidate)) return undefined;
          const ddl = createIndex(candidate, "hotpath_advise", false);
          const { rows } = await client.query<{ name: string; bytes: string }>(
            "select indexname as name, hypopg_relation_size(indexrelid)::text as bytes from hypopg_create_index($1)",
            [ddl],
          );
          names.push([rows[0]?.name ?? ""]);
          bytes.push(Number(rows[0]?.bytes ?? 0));
        }
        return await planAll(planner, names, bytes, statements);
      } catch (error) {
        if (isRefusal(error)) return undefined;
        throw error;
      } finally {
        await client.query("select hypopg_reset()");
      }
    },
  };
}

/** HypoPG knows no GIN and no GiST, and has to be told of operator classes that are there. */
export function isKnownToHypopg({ method, extension }: Candidate): boolean {
  return method === "btree" && extension === undefined;
}

/**
 * Builds the indexes in a transaction that is rolled back. Whoever writes to the table waits meanwhile, at most as long as a statement may
 * take; on request only, or on a copy.
 */
export function createBuildProbe(client: Client, planner: Planner): Probe {
  return {
    kind: "built",
    async outcome(candidates, statements) {
      await client.query("begin");
      try {
        const names: (readonly string[])[] = [];
        const bytes: number[] = [];
        for (const [at, candidate] of candidates.entries()) {
          const { extension, table } = candidate;
          if (extension !== undefined)
            await client.query(`create extension if not exists ${escapeIdentifier(extension)}`);
          const name = `hotpath_advise_${at}`;
          await client.query(createIndex(candidate, name, false));
          // What an expression's values are like is known only once it has been looked at.
          if (candidate.isExpression)
            await client.query(`analyze ${escapeIdentifier(table.schema)}.${escapeIdentifier(table.name)}`);
          // That of a partitioned table is one of each partition's, by names that PostgreSQL chooses.
          const { rows } = await client.query<{ name: string; bytes: string }>(
            `select c.relname as name, pg_relation_size(c.oid)::text as bytes
             from pg_partition_tree(($1 || '.' || $2)::regclass) as tree join pg_class c on c.oid = tree.relid
             union select c.relname, pg_relation_size(c.oid)::text from pg_class c where c.oid = ($1 || '.' || $2)::regclass`,
            [escapeIdentifier(table.schema), escapeIdentifier(name)],
          );
          names.push(rows.map((row) => row.name));
          bytes.push(rows.reduce((sum, row) => sum + Number(row.bytes), 0));
        }
        return await planAll(planner, names, bytes, statements);
      } catch (error) {
        if (isRefusal(error)) return undefined;
        throw error;
      } finally {
        await client.query("rollback");
      }
    },
  };
}

async function planAll(
  planner: Planner,
  names: readonly (readonly string[])[],
  bytes: readonly number[],
  statements: readonly LoadedStatement[],
): Promise<Outcome> {
  const planned: Planned[] = [];
  for (const statement of statements) planned.push(await planner.cost(statement));
  const isUsed = (own: readonly string[], at: number): boolean => own.some((name) => planned[at]!.indexes.has(name));
  const users = names.map((own) => [...planned.keys()].filter((at) => isUsed(own, at)));
  return { planned, bytes, users };
}

/**
 * What the database says of an index that cannot be: a function that is not immutable, an operator class that does not fit, a lock that is
 * not to be had, a value that is too long. Connections that break are another matter.
 */
function isRefusal(error: unknown): boolean {
  return (
    error instanceof Error &&
    "code" in error &&
    typeof error.code === "string" &&
    /^(?:0A|22|23|42|54|55|57014)/.test(error.code)
  );
}
