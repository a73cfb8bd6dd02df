// How near the advisor comes to what it foretells: node test/postgres/advise/measure.ts
//
// Eight tables with planted slow shapes; traffic is replayed without the indexes and with them, by turns, as pg_stat_statements times it. Of
// a statement's times the lowest mean counts: whatever else the machine does only adds to it.
import { Client } from "pg";
import { resolvePostgresSettings } from "../../../src/api/options.ts";
import { adviseIndexes, type IndexAdvice } from "../../../src/postgres/advise/advise.ts";
import { formatAdvice } from "../../../src/postgres/advise/report.ts";
import { workloadOfStatistics } from "../../../src/postgres/advise/statement-statistics.ts";
import type { LoadedStatement, Workload } from "../../../src/postgres/advise/workload.ts";
import { runCheck } from "../../support/check-scope.ts";
import { privateCluster, queryRows, runSql } from "../../support/postgres.ts";
import { eightTables, replay } from "./eight-tables.ts";

const TURNS = 3;
const SCALE = 0.5;

await runCheck(async (scope) => {
  const { url } = await privateCluster(scope, { shared_preload_libraries: "pg_stat_statements", autovacuum: "off" });
  await runSql(url, `create extension pg_stat_statements; ${eightTables(SCALE)}`);
  await runSql(url, "vacuum analyze");
  const settings = resolvePostgresSettings(url, {});
  const advise = (workload: Workload) => adviseIndexes(settings, { build: true, workload: async () => workload });
  const without = new Map<string, LoadedStatement>();
  const within = new Map<string, LoadedStatement>();
  let advice: IndexAdvice | undefined;
  for (let turn = 0; turn < TURNS; turn++) {
    await replayInto(without, url);
    advice = await advise(quietest(without));
    for (const { ddl } of advice.proposals) for (const statement of ddl.split("\n")) await runSql(url, statement);
    await runSql(url, "analyze");
    await replayInto(within, url);
    for (const { ddl } of advice.proposals) await runSql(url, `drop index ${/concurrently (\w+)/.exec(ddl)?.[1]}`);
    await runSql(url, "analyze");
  }
  if (advice === undefined) return;
  scope.say(formatAdvice(advice));
  const [before, after] = [quietest(without), quietest(within)];
  const foretold = advice.load.before / advice.load.after;
  const come = total(before) / total(after);
  scope.say(
    `foretold: ${total(before).toFixed(0)} -> ${advice.load.after.toFixed(0)} ms, a factor of ${foretold.toFixed(2)}`,
  );
  scope.say(`replayed: ${total(before).toFixed(0)} -> ${total(after).toFixed(0)} ms, a factor of ${come.toFixed(2)}`);
  scope.say(`replayed / foretold: ${(come / foretold).toFixed(2)} (0.7 to 1.3 was asked for)`);
  if (come / foretold < 0.7 || come / foretold > 1.3) process.exitCode = 1;
});

/** Replays the traffic, and keeps what each statement took, where that is less than before. */
async function replayInto(lowest: Map<string, LoadedStatement>, url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await runSql(url, "select pg_stat_statements_reset()");
  await replay(client);
  await client.end();
  const { statements } = await workloadOfStatistics(async (text, values) =>
    (await queryRows(url, text, values)).map((row) =>
      Object.values(row).map((field) =>
        field === null ? null : typeof field === "string" ? field : JSON.stringify(field),
      ),
    ),
  );
  for (const statement of statements) {
    // What the measurement itself asks is no part of it.
    if (/pg_stat_statements|pg_extension/.test(statement.text)) continue;
    const known = lowest.get(statement.text);
    if (known === undefined || (statement.ms ?? 0) < (known.ms ?? 0)) lowest.set(statement.text, statement);
  }
}

function quietest(lowest: ReadonlyMap<string, LoadedStatement>): Workload {
  return { origin: "pg_stat_statements", statements: [...lowest.values()], skipped: [] };
}

function total({ statements }: Workload): number {
  return statements.reduce((sum, { ms }) => sum + (ms ?? 0), 0);
}
