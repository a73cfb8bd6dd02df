import assert from "node:assert/strict";
import { test } from "node:test";
import { chinookDatabase } from "./chinook.ts";
import { queryRows } from "./postgres.ts";

test("Chinook loads whole into a test database", async (t) => {
  const url = await chinookDatabase(t);
  if (url === undefined) return;
  const [row] = await queryRows(
    url,
    `select (select count(*)::int from pg_tables where schemaname = 'public') as tables,
            (select count(*)::int from track) as tracks,
            (select count(*)::int from pg_constraint where contype = 'f') as keys`,
  );
  assert.deepEqual(row, { tables: 11, tracks: 3503, keys: 11 });
});
