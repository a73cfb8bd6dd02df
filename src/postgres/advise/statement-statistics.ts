import type { CatalogQuery } from "../catalog/catalog-query.ts";
import { HotpathError } from "../../errors.ts";
import { replaceLimits } from "./limits.ts";
import { OWN_COLUMN } from "./tables.ts";
import { tokenize } from "./tokens.ts";
import { type LoadedStatement, MAX_STATEMENTS, type Workload } from "./workload.ts";

/**
 * The dearest statements that the extension pg_stat_statements has counted for this database, whoever sent them.
 *
 * @throws HotpathError HP_ADVICE_UNAVAILABLE when it is not there or may not be read
 */
export async function workloadOfStatistics(query: CatalogQuery): Promise<Workload> {
  const [where = []] = await query(
    "select quote_ident(n.nspname) from pg_extension e join pg_namespace n on n.oid = e.extnamespace where extname = 'pg_stat_statements'",
    [],
  );
  const schema = where[0];
  if (schema == null) throw missing("This database does not have the extension pg_stat_statements.");
  const rows = await query(
    `select query, calls::text, total_exec_time::text, rows::text from ${schema}.pg_stat_statements
     where dbid = (select oid from pg_database where datname = current_database()) and query is not null
     order by total_exec_time desc limit ${MAX_READ}`,
    [],
  ).catch((cause: unknown) => {
    throw missing("pg_stat_statements cannot be read: it has to be in shared_preload_libraries.", cause);
  });
  const planned = rows.filter(
    ([text]) =>
      text?.includes(OWN_COLUMN) !== true &&
      PLANNED.has(tokenize((text ?? "").slice(0, 2000)).find(({ kind }) => kind === "word")?.text ?? ""),
  );
  const statements = planned.slice(0, MAX_STATEMENTS).map(([text, calls, ms, count]): LoadedStatement => {
    const times = Number(calls);
    // The constants were taken out of the text: how many rows came tells what the limit was.
    return {
      text: replaceLimits(text ?? "", Math.max(1, Math.round(Number(count) / times))),
      calls: times,
      ms: Number(ms),
      rows: Number(count) / times,
      requests: [],
    };
  });
  return { origin: "pg_stat_statements", statements, skipped: [] };
}

/** Those that have no plan are among them. */
const MAX_READ = 1000;
const PLANNED: ReadonlySet<string> = new Set([
  "select",
  "with",
  "insert",
  "update",
  "delete",
  "merge",
  "values",
  "table",
]);

function missing(message: string, cause?: unknown): HotpathError {
  return new HotpathError("HP_ADVICE_UNAVAILABLE", message, cause === undefined ? {} : { cause });
}
