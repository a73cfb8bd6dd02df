import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { COLUMNS, EVERY_TYPE, type Row } from "../support/every-type.ts";
import { queryRows, testDatabase } from "../support/postgres.ts";
import { serve } from "../support/server.ts";

/** Those whose binary form is known: rows of nothing else come as records. */
const PLAIN = COLUMNS.filter(([, type]) =>
  (
    "boolean smallint integer bigint numeric numeric(20,5) text varchar(20) character(5) name uuid json jsonb date time timestamp timestamptz mood positive " +
    "label state"
  )
    .split(" ")
    .includes(type),
);
const NAMES = PLAIN.map(([name]) => name);
/** What can be compared with a text: `json` with nothing, a domain over an enum with none but its own kind. */
const SORTED = NAMES.filter((name) => name !== "j" && name !== "de");
const VALUES = fc.record(Object.fromEntries(PLAIN.map(([name, , values]) => [name, fc.option(values, { freq: 5 })])));
const SQL = `${EVERY_TYPE}
  ${zoned("UTC")}
  create table plain (id integer primary key, ${PLAIN.map(([name, type]) => `${name} ${type}`).join(", ")});`;

suite("lists whose JSON is made here", () => {
  test("are to the letter what the database makes of them", async (t) => {
    const url = await testDatabase(t, { sql: SQL });
    const api = await serve(t, url);
    const columns = `columns=${["id", ...NAMES].join(",")}`;
    await fc.assert(
      fc.asyncProperty(
        fc.array(VALUES, { maxLength: 8 }),
        fc.subarray(NAMES, { minLength: 1 }),
        async (generated, chosen) => {
          await api.send("DELETE", "/plain");
          const rows = generated.map((row: Row, index) => ({ id: index + 1, ...row }));
          const inserted = await api.send("POST", `/plain?${columns}`, {}, JSON.stringify(rows));
          assert.equal(inserted.status, 201, inserted.text);
          const whole = await api.get("/plain?order=id");
          assert.equal(whole.text, await jsonOf(url, "*"));
          const some = await api.get(`/plain?select=${chosen.join(",")}&order=id.desc&limit=5`);
          assert.equal(some.text, await jsonOf(url, chosen.join(","), "id desc limit 5"));
          const alias = "é".repeat(40);
          const named = await api.get(`/plain?select=${encodeURIComponent(alias)}:id&order=id`);
          assert.equal(named.text, await jsonOf(url, `id as "${alias}"`));
        },
      ),
      { numRuns: 25 },
    );
    const sent = await queryRows(
      url,
      "select count(*)::int as n from pg_stat_activity where query ~ 'record_send.*plain'",
    );
    assert.notEqual(sent[0]?.["n"], 0, "no list came as records");
  });

  test("lead from page to page by whatever they are ordered by", async (t) => {
    const url = await testDatabase(t, { sql: SQL });
    const api = await serve(t, url);
    const columns = `columns=${["id", ...NAMES].join(",")}`;
    await fc.assert(
      fc.asyncProperty(
        fc.array(VALUES, { minLength: 7, maxLength: 9 }),
        fc.shuffledSubarray(SORTED, { minLength: 1, maxLength: 3 }),
        async (generated, order) => {
          await api.send("DELETE", "/plain");
          const rows = generated.map((row: Row, index) => ({ id: index + 1, ...row }));
          assert.equal((await api.send("POST", `/plain?${columns}`, {}, JSON.stringify(rows))).status, 201);
          const seen: number[] = [];
          for (let path = `/plain?select=id,${order.join(",")}&order=${order.join(",")}&limit=3`; path !== "";) {
            const page = await api.get(path);
            assert.equal(page.status, 200, page.text);
            seen.push(...(JSON.parse(page.text) as { id: number }[]).map(({ id }) => id));
            path = /^<([^>]*)>; rel="next"/.exec(String(page.headers.link ?? ""))?.[1] ?? "";
          }
          const all = (await api.json(`/plain?select=id&order=${order.join(",")},id`)) as { id: number }[];
          assert.deepEqual(
            seen,
            all.map(({ id }) => id),
          );
        },
      ),
      { numRuns: 25 },
    );
  });

  test("show times in the session's zone, whatever that becomes", async (t) => {
    const url = await testDatabase(t, {
      sql: `${zoned("Europe/Berlin")}
            create table moments (id integer primary key, at timestamptz);
            insert into moments values (1, '2026-03-29 00:30:00.5Z'), (2, '2026-03-29 01:30:00Z');`,
    });
    const api = await serve(t, url);
    const inZone = async (zone: string): Promise<string> => {
      const sql = `select set_config('timezone', $1, false), (select json_agg(t order by id)::text from moments t) as json`;
      const [row] = await queryRows(url, sql, [zone]);
      return String(row?.["json"]);
    };
    const list = async (prefer?: string): Promise<string> =>
      (await api.get("/moments?order=id", prefer === undefined ? {} : { prefer })).text;
    assert.equal(await list("timezone=UTC"), await inZone("UTC"));
    for (const _again of [1, 2]) assert.equal(await list(), await inZone("Europe/Berlin"));
    assert.equal(await list("timezone=Asia/Kathmandu"), await inZone("Asia/Kathmandu"));
  });

  test("go on when a column goes that is not named", async (t) => {
    const url = await testDatabase(t, {
      sql: "create table shrinking (id integer primary key, a text, b text); insert into shrinking values (1, 'x', 'y')",
    });
    const api = await serve(t, url);
    assert.equal((await api.get("/shrinking")).text, '[{"id":1,"a":"x","b":"y"}]');
    await queryRows(url, "alter table shrinking drop column a");
    const after = await api.get("/shrinking");
    assert.equal(after.status, 200, after.text);
    assert.equal(after.text, '[{"id":1,"b":"y"}]');
    assert.equal((await api.get("/shrinking?select=a")).status, 400);
  });
});

async function jsonOf(url: string, columns: string, order = "id"): Promise<string> {
  const [row] = await queryRows(
    url,
    `select set_config('timezone', 'UTC', false), coalesce(json_agg("all".*), '[]')::text as json from (select ${columns} from plain order by ${order}) "all"`,
  );
  return String(row?.["json"]);
}

/** The time zone of sessions to come. */
function zoned(zone: string): string {
  return `do $$ begin execute format('alter database %I set timezone to %L', current_database(), '${zone}'); end $$;`;
}
