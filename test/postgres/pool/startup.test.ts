import assert from "node:assert/strict";
import { test } from "node:test";
import { createLog } from "../../../src/observe/log.ts";
import { createPool, createStatement } from "../../../src/postgres/pool/index.ts";
import { resolvePostgresSettings } from "../../../src/api/options.ts";
import { testDatabase } from "../../support/postgres.ts";

await test("connections start with the settings given, and the URL's own options still count", async (t) => {
  const url = new URL(await testDatabase(t));
  url.searchParams.set("options", "-c work_mem=7MB");
  const { pool: settings } = resolvePostgresSettings(url.href);
  const startup = { search_path: '"odd \\ ""name", public', default_transaction_read_only: "on" };
  const pool = createPool({ ...settings, url: url.href, startup }, createLog({ level: "silent" }));
  t.after(() => pool.close());
  await pool.start();
  const show = createStatement(
    "SELECT current_setting('search_path'), current_setting('work_mem'), current_setting('transaction_read_only')",
  );
  const [result] = await pool.run([{ statement: show, values: [] }]);
  assert.deepEqual(result?.rows, [['"odd \\ ""name", public', "7MB", "on"]]);
});
