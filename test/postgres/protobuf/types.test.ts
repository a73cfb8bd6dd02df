import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { EVERY_TYPE, NAMES, ROW, type Row } from "../../support/every-type.ts";
import { queryRows, testDatabase } from "../../support/postgres.ts";
import { decode, loadProto } from "../../support/proto.ts";
import { serve } from "../../support/server.ts";

const PROTOBUF = { accept: "application/x-protobuf" };

/** What PostgreSQL itself keeps in its catalogs, and lets nobody write. */
const NOT_STORED =
  "gtsvector pg_node_tree pg_ndistinct pg_dependencies pg_mcv_list pg_brin_bloom_summary pg_brin_minmax_multi_summary".split(
    " ",
  );

test("there is a column of each type that PostgreSQL has", async (t) => {
  const url = await testDatabase(t, { sql: EVERY_TYPE });
  const missing = await queryRows(
    url,
    `select t.typname::text as name from pg_type t
     where t.typnamespace = 'pg_catalog'::regnamespace and t.typtype in ('b', 'r', 'm') and t.typname !~ '^_' and t.typname <> all ($1)
       and not exists (select from pg_attribute a where a.attrelid = 'every_type'::regclass and a.atttypid = t.oid)`,
    [NOT_STORED],
  );
  assert.deepEqual(missing, []);
});

test("every type goes from JSON to Protobuf and back unchanged", async (t) => {
  const url = await testDatabase(t, { sql: EVERY_TYPE });
  const api = await serve(t, url);
  const root = await loadProto(api);
  const columns = `columns=${["id", ...NAMES].join(",")}`;
  const list = { "content-type": 'application/x-protobuf; messageType="hotpath.api.EveryTypeAgain.List"' };
  await fc.assert(
    fc.asyncProperty(fc.array(ROW, { minLength: 1, maxLength: 6 }), async (generated) => {
      await api.send("DELETE", "/every_type");
      await api.send("DELETE", "/every_type_again");
      const rows = generated.map((row, index) => ({ id: index + 1, ...row }));
      const inserted = await api.send("POST", `/every_type?${columns}`, {}, JSON.stringify(rows));
      assert.equal(inserted.status, 201, inserted.text);
      const before = (await api.json("/every_type?order=id")) as Row[];
      const { status, bytes } = await api.get("/every_type?order=id", PROTOBUF);
      assert.equal(status, 200, bytes.toString());
      // What nobody of ours made can read it.
      const { rows: decoded = [] } = decode(root, "hotpath.api.EveryType.List", bytes) as { rows?: Row[] };
      assert.deepEqual(decoded.map(plain), before.map(plain));
      const copied = await api.send("POST", `/every_type_again?${columns}`, list, bytes);
      assert.equal(copied.status, 201, copied.text);
      assert.deepEqual(await api.json("/every_type_again?order=id"), before);
    }),
    { numRuns: 40 },
  );
});

/** What is the same in both but for nulls, which messages leave out. */
function plain(row: Row): Row {
  return Object.fromEntries(["id", "b", "i4", "t", "u", "d", "r4"].map((name) => [name, row[name] ?? null]));
}
