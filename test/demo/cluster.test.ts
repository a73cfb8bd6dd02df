import assert from "node:assert/strict";
import { test } from "node:test";
import { privateCluster, queryRows, testDatabase } from "../support/postgres.ts";

test("a database of the shared cluster is fresh, UTF-8 and sorts by code point", async (t) => {
  const url = await testDatabase(t, {
    sql: "create table a (x text); insert into a values ('b'), ('ä'), ('B'), ('a')",
  });
  const rows = await queryRows(
    url,
    "select string_agg(x, '' order by x) as sorted, current_setting('server_encoding') as encoding from a",
  );
  assert.deepEqual(rows, [{ sorted: "Babä", encoding: "UTF8" }]);
});

test("a server that is killed starts again on the same port with its data", async (t) => {
  const cluster = await privateCluster(t);
  await queryRows(cluster.url, "create table kept as select 1 as x");
  await cluster.kill("SIGKILL");
  await assert.rejects(queryRows(cluster.url, "select 1"), { code: "ECONNREFUSED" });
  await cluster.start();
  await queryRows(cluster.url, "checkpoint");
  await cluster.stop();
  await cluster.start();
  assert.deepEqual(await queryRows(cluster.url, "select to_regclass('kept') is not null as kept"), [{ kept: true }]);
});
