import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { queryRows, testDatabase } from "../support/postgres.ts";
import { type ServedApi, serve } from "../support/server.ts";
import { NASTY_TEXTS } from "./query/random-reads.ts";

const TEXTS = [
  ...NASTY_TEXTS,
  "(a,b)",
  "{}",
  "{a}",
  "any",
  "not.is.null",
  "eq(any).{a}",
  '"',
  '\\"',
  "a\\",
  "\\*",
  "**",
  "x".repeat(300),
];

/** A request and what it must answer, whatever runs beside it. */
interface Exchange {
  readonly query: string;
  readonly expected: readonly string[];
}

const isLike = (value: string, pattern: string): boolean => {
  const source = Array.from(pattern, (c) =>
    c === "*" || c === "%" ? "[^]*" : c === "_" ? "[^]" : c.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"),
  );
  return new RegExp(`^${source.join("")}$`, "u").test(value);
};
const quoted = (text: string): string => `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;

const text = fc.constantFrom(...TEXTS);
const exchange: fc.Arbitrary<Exchange> = fc.oneof(
  text.map((value) => ({ query: `label=eq.${encodeURIComponent(value)}`, expected: [value] })),
  text.map((value) => ({ query: `label=not.neq.${encodeURIComponent(value)}`, expected: [value] })),
  // The same operator twice on one column: the places of the operands must not be mixed up.
  fc.tuple(text, text).map(([one, other]) => ({
    query: `label=eq.${encodeURIComponent(one)}&label=eq.${encodeURIComponent(other)}`,
    expected: one === other ? [one] : [],
  })),
  fc.uniqueArray(text, { minLength: 1, maxLength: 4 }).map((values) => ({
    query: `label=in.(${encodeURIComponent(values.map(quoted).join(","))})`,
    expected: values.length === 1 && values[0] === "" ? [] : values,
  })),
  fc.uniqueArray(text, { minLength: 1, maxLength: 4 }).map((values) => ({
    query: `label=eq(any).{${encodeURIComponent(values.map(quoted).join(","))}}`,
    expected: values,
  })),
  fc
    .tuple(
      text.filter((value) => !value.includes("\\")),
      fc.constantFrom("like", "like(any)"),
    )
    .map(([value, operator]) => ({
      query: `label=${operator}.${encodeURIComponent(operator === "like" ? `${value}*` : `{${quoted(`${value}*`)}}`)}`,
      expected: TEXTS.filter((other) => isLike(other, `${value}*`)),
    })),
  fc.tuple(text, text).map(([one, other]) => ({
    query: `or=(label.eq.${encodeURIComponent(quoted(one))},label.eq.${encodeURIComponent(quoted(other))})`,
    expected: [one, other],
  })),
);

test("requests of one shape never share operands", async (t) => {
  const url = await testDatabase(t, {
    sql: "create table notes (id int generated always as identity primary key, label text unique)",
  });
  await queryRows(url, "insert into notes (label) select unnest($1::text[])", [TEXTS]);
  const api = await serve(t, url, { postgres: { pool: { max: 3 } } });

  await t.test("whatever runs at the same time", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(exchange, { minLength: 1, maxLength: 24 }), async (exchanges) => {
        const answers = await Promise.all(exchanges.map(({ query }) => api.json(`/notes?select=label&${query}`)));
        for (const [index, answer] of answers.entries()) {
          const found = (answer as { label: string }[]).map(({ label }) => label);
          assert.deepEqual(new Set(found), new Set(exchanges[index]!.expected), exchanges[index]!.query);
        }
      }),
      { numRuns: 60 },
    );
  });

  await t.test("nor media types, ranges, counts or methods", async () => {
    const variants = [
      { headers: {}, body: '[{"label":"plain"}]', type: "application/json; charset=utf-8" },
      { headers: { accept: "text/csv" }, body: "label\nplain", type: "text/csv; charset=utf-8" },
      {
        headers: { accept: "application/vnd.pgrst.object+json" },
        body: '{"label":"plain"}',
        type: "application/vnd.pgrst.object+json; charset=utf-8",
      },
      {
        headers: { prefer: "count=exact" },
        body: '[{"label":"plain"}]',
        type: "application/json; charset=utf-8",
        range: "0-0/1",
      },
      { headers: { range: "1-2" }, body: "[]", type: "application/json; charset=utf-8", range: "*/*" },
    ];
    for (let round = 0; round < 3; round++) {
      const answers = await Promise.all(
        variants.map(({ headers }) => api.get("/notes?select=label&label=eq.plain", headers)),
      );
      for (const [index, { body, type, range = "0-0/*" }] of variants.entries()) {
        const answer = answers[index]!;
        assert.equal(answer.text, body);
        assert.equal(answer.headers["content-type"], type);
        assert.equal(answer.headers["content-range"], range);
      }
    }
  });

  await t.test("nor does a HEAD with a range, which means nothing there, cost GET its next page", async () => {
    const path = "/notes?order=id.desc&limit=4";
    const head = await api.send("HEAD", path, { range: "0-1" });
    const get = await api.get(path);
    assert.notEqual(get.headers.link, undefined);
    assert.equal(head.headers.link, get.headers.link);
  });

  await t.test("a long list in a long URL", async () => {
    const values = Array.from({ length: 1200 }, (_, index) => `v${index}`);
    const query = `select=label&label=in.(${values.join(",")},plain)`;
    for (let round = 0; round < 2; round++) assert.deepEqual(await api.json(`/notes?${query}`), [{ label: "plain" }]);
    const filters = Array.from({ length: 900 }, (_, index) => `label=neq.v${index}`).join("&");
    const rows = (await api.json(`/notes?select=label&${filters}`)) as unknown[];
    assert.equal(rows.length, TEXTS.length);
    assert.equal((await api.get(`/notes?label=eq.${"x".repeat(20_000)}`)).status, 414);
  });

  await t.test("columns below an embed may bear the names that are reserved at the root", async (t) => {
    const url = await testDatabase(t, { sql: RESERVED });
    await reservedNames(await serve(t, url));
  });
});

const RESERVED = `
  create table owner (id int primary key, "select" int, "order" int, "limit" int, "after" int, "and" int, "columns" int, "hp.row" int, t int, r int, h1 int, s int, "source" int);
  create table item (id int primary key, owner_id int references owner, "select" int, "columns" int, "on_conflict" int, t int);
  insert into owner select n, n, n, n, n, n, n, 100 + n, 200 + n, 300 + n, 400 + n, 500 + n, 600 + n from generate_series(1, 5) n;
  insert into item select n, n % 5 + 1, n, n, n, n from generate_series(1, 10) n;`;

async function reservedNames(api: ServedApi): Promise<void> {
  const all = (await api.json("/owner?order=id")) as Record<string, number>[];
  assert.deepEqual(all[1], {
    id: 2,
    select: 2,
    order: 2,
    limit: 2,
    after: 2,
    and: 2,
    columns: 2,
    "hp.row": 102,
    t: 202,
    r: 302,
    h1: 402,
    s: 502,
    source: 602,
  });
  for (const name of ["select", "columns", "on_conflict", "t"]) {
    for (const value of [3, 4]) {
      const rows = (await api.json(`/owner?select=id,item!inner(id)&item.${name}=eq.${value}`)) as unknown[];
      assert.deepEqual(rows, [{ id: (value % 5) + 1, item: [{ id: value }] }]);
    }
  }
  // The dialect reads the bare words; in quotes they are columns.
  for (const name of ["select", "order", "limit", "and", "columns", "hp.row", "source"]) {
    const value = all[2]![name];
    const rows = await api.json(
      `/owner?%22${name}%22=eq.${value}&select=id,%22${name}%22&order=%22${name}%22.desc&limit=1`,
    );
    assert.deepEqual(rows, [{ id: 3, [name]: value }]);
  }
  // A column named like the cursor's parameter is filtered by, and no page claims to have a next.
  const page = await api.get("/owner?after=gte.2&order=id&limit=2");
  assert.deepEqual(
    (JSON.parse(page.text) as { id: number }[]).map(({ id }) => id),
    [2, 3],
  );
  assert.equal(page.headers.link, undefined);
  // The ways to make a reply: with hidden columns, without, as CSV, as one object.
  assert.deepEqual(await api.json("/owner/2"), all[1]);
  assert.deepEqual(await api.json("/item?order=t.desc&limit=2&select=id"), [{ id: 10 }, { id: 9 }]);
  const csv = await api.get("/owner?id=eq.2", { accept: "text/csv" });
  assert.equal(
    csv.text,
    "id,select,order,limit,after,and,columns,hp.row,t,r,h1,s,source\n2,2,2,2,2,2,2,102,202,302,402,502,602",
  );
  assert.equal((await api.get("/owner", { prefer: "count=exact" })).headers["content-range"], "0-4/5");
}
