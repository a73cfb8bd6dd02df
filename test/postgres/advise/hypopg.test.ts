import assert from "node:assert/strict";
import { existsSync, globSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { resolvePostgresSettings } from "../../../src/api/options.ts";
import { startCluster } from "../../../src/demo/cluster.ts";
import { adviseIndexes } from "../../../src/postgres/advise/advise.ts";
import { workloadOfStatistics } from "../../../src/postgres/advise/statement-statistics.ts";
import { Client } from "pg";
import { defer } from "../../support/defer.ts";
import { runSql, TEST_SETTINGS, testFolder, vacuumed } from "../../support/postgres.ts";
import { eightTables, replay } from "./eight-tables.ts";

await test("with HypoPG the planner is told of indexes: the same proposals, and nothing is built", async (t) => {
  const version = globSync("/usr/lib/postgresql/*/bin")
    .map((bin) => Number(bin.split("/").at(-2)))
    .find(
      (major) =>
        existsSync(`/usr/share/postgresql/${major}/extension/hypopg.control`) &&
        existsSync(`/usr/share/postgresql/${major}/extension/pg_stat_statements.control`),
    );
  if (version === undefined) {
    t.skip("no PostgreSQL with HypoPG is installed: apt-get install postgresql-15-hypopg (with postgresql-15)");
    return;
  }
  const bin = `/usr/lib/postgresql/${version}/bin`;
  const cluster = await startCluster({
    dataDirectory: join(await testFolder(t), "data"),
    binaries: { initdb: join(bin, "initdb"), postgres: join(bin, "postgres"), majorVersion: version },
    settings: { ...TEST_SETTINGS, shared_preload_libraries: "pg_stat_statements", autovacuum: "off" },
    temporary: true,
  });
  defer(t, () => cluster.stop("immediate"));
  const { url } = cluster;
  await runSql(url, `create extension pg_stat_statements; create extension hypopg; ${eightTables(0.1)}`);
  await vacuumed(url);
  await runSql(url, "select pg_stat_statements_reset()");
  const client = new Client({ connectionString: url });
  await client.connect();
  await replay(client);
  await client.end();
  const advice = await adviseIndexes(resolvePostgresSettings(url, {}), { workload: workloadOfStatistics });
  assert.equal(advice.verification, "hypopg");
  const untried = advice.skipped.map(({ what }) => /using gin .*$/.exec(what)?.[0] ?? "").sort();
  assert.deepEqual(untried, ["using gin (attributes jsonb_path_ops)", "using gin (name gin_trgm_ops)"]);
  const made = advice.proposals.map(({ ddl }) => ddl.replace(/^create index concurrently \w+ on public\./, "")).sort();
  assert.deepEqual(made, [
    "customers ((lower(email)));",
    "events (kind, at);",
    "order_lines (order_id);",
    "orders (customer_id, status);",
    "tickets (assignee) where closed_at is null;",
  ]);
});
