import assert from "node:assert/strict";
import { test } from "node:test";
import { resolvePostgresSettings } from "../../../src/api/options.ts";
import { adviseIndexes } from "../../../src/postgres/advise/advise.ts";
import { readConditions } from "../../../src/postgres/advise/condition.ts";
import { targetOf } from "../../../src/postgres/advise/log-lines.ts";
import { replaceLimits } from "../../../src/postgres/advise/limits.ts";
import { tokenize } from "../../../src/postgres/advise/tokens.ts";
import type { LoadedStatement } from "../../../src/postgres/advise/workload.ts";
import { queryRows, runSql, testDatabase, vacuumed } from "../../support/postgres.ts";

const SCHEMA = `
  create domain mail as varchar(80);
  create table "Odd Table" (id int primary key, "Some Column" int not null, "select" text not null, e mail, tags text[] not null, span int4range not null, at timestamptz not null, flag boolean not null, filler text not null);
  insert into "Odd Table" select i, i % 3000, 's' || i % 2000, 'm' || i, array['t' || i % 700, 'u'], int4range(i, i + 5), timestamptz '2026-01-01' + i * interval '1 minute', i % 50 = 0, repeat('f', 100) from generate_series(1, 20000) i;
  create view seen as select id as number, "Some Column" as part, at from "Odd Table" where flag;
  create table parted (id int not null, kind int not null, filler text not null) partition by range (id);
  create table parted_1 partition of parted for values from (0) to (10000);
  create table parted_2 partition of parted for values from (10000) to (30000);
  insert into parted select i, i % 2500, repeat('p', 120) from generate_series(1, 20000) i;
  create table parent (id int primary key);
  create table child (id int primary key, parent_id int references parent, filler text not null);
  insert into parent select generate_series(1, 2000);
  insert into child select i, 1 + i % 2000, repeat('c', 60) from generate_series(1, 20000) i;
  create index twice_1 on child (parent_id, id);
  create index twice_2 on child (parent_id);
`;

/** Of statements, what is proposed for them alone. */
const CASES: readonly (readonly [sql: string, proposals: readonly string[]])[] = [
  ['select * from "Odd Table" where "Some Column" = $1', ['"Odd Table" ("Some Column")']],
  [
    'select * from "Odd Table" t where t."select" = $1 and t."Some Column" > $2',
    ['"Odd Table" ("select", "Some Column")'],
  ],
  // A domain over varchar: the cast that the plan shows is none.
  ['select * from "Odd Table" where e = $1', ['"Odd Table" (e)']],
  ['select * from "Odd Table" where upper("select") = $1', ['"Odd Table" ((upper("select")))']],
  ['select * from "Odd Table" where tags @> $1', ['"Odd Table" using gin (tags)']],
  ['select * from "Odd Table" where span && $1', ['"Odd Table" using gist (span)']],
  // Through a view, its own condition included.
  [
    "select number from seen where part = $1 order by at desc limit 5",
    [
      '"Odd Table" ("Some Column", at) include (id) where flag',
      '"Odd Table" ("Some Column", at) where flag',
      '"Odd Table" ("Some Column") where flag',
      '"Odd Table" ("Some Column")',
    ],
  ],
  // Of a partitioned table as a whole.
  ["select * from parted where kind = $1", ["parted (kind)"]],
  // Inside a lateral subquery, for each row of another table.
  [
    'select p.id, l.n from parent p cross join lateral (select count(*) as n from "Odd Table" o where o."Some Column" = p.id) l where p.id < 40',
    ['"Odd Table" ("Some Column")'],
  ],
  // Not to be had: a cast that depends on the time zone, what is different each time, nearly all rows, what is there already.
  ['select * from "Odd Table" where at::date = $1', []],
  ['select * from "Odd Table" where random() < 0.5', []],
  ['select * from "Odd Table" where flag is not null', []],
  ["select * from child where parent_id = $1", []],
  ["select * from parent where id = $1", []],
];

await test("statements of many shapes: names in quotes, views, partitions, laterals, what no index helps", async (t) => {
  const url = await testDatabase(t, { sql: SCHEMA });
  await vacuumed(url);
  const settings = resolvePostgresSettings(url, {});
  for (const [text, expected] of CASES) {
    const advice = await adviseIndexes(settings, {
      build: true,
      workload: async () => ({
        origin: "a test",
        statements: [{ text, calls: 1, ms: 100, requests: [] }],
        skipped: [],
      }),
    });
    assert.deepEqual(advice.skipped, [], text);
    const made = advice.proposals.map(({ ddl }) => /on public\.(.*);$/.exec(ddl)?.[1] ?? ddl);
    if (expected.length === 0) assert.deepEqual(made, [], text);
    else assert.ok(made.length === 1 && expected.includes(made[0] ?? ""), `${text}: ${made.join("; ")}`);
    for (const { ddl } of advice.proposals) {
      // Partitioned tables cannot have theirs built concurrently.
      assert.equal(ddl.includes("concurrently"), !text.includes("parted"), ddl);
      await runSql(url, ddl);
      await runSql(url, `drop index ${/index (?:concurrently )?("[^"]+"|\S+) on/.exec(ddl)?.[1]}`);
    }
    assert.deepEqual(
      advice.duplicates.map(({ index, why }) => `${index}: ${why}`),
      ["twice_2: twice_1 begins with the same keys"],
    );
  }
});

await test("a table that is written more than its reads would gain gets no index", async (t) => {
  const url = await testDatabase(t, { sql: SCHEMA });
  await vacuumed(url);
  const proposals = async (writes: number): Promise<number> => {
    const workload = { origin: "a test", statements: readsAndWrites(writes), skipped: [] };
    return (await adviseIndexes(resolvePostgresSettings(url, {}), { build: true, workload: async () => workload }))
      .proposals.length;
  };
  assert.equal(await proposals(10), 1);
  assert.equal(await proposals(100_000), 0);
});

await test("statements that are none, or more than one, are left out and do nothing", async (t) => {
  const url = await testDatabase(t, { sql: "create table kept (id int)" });
  const texts = ["select 1; drop table kept", "drop table kept", "select * from nowhere", "select 'open", ""];
  const advice = await adviseIndexes(resolvePostgresSettings(url, {}), {
    workload: async () => ({
      origin: "a test",
      statements: texts.map((text) => ({ text, calls: 1, ms: 1, requests: [] })),
      skipped: [],
    }),
  });
  assert.equal(advice.skipped.length, texts.length);
  assert.deepEqual(await queryRows(url, "select count(*)::int as count from kept"), [{ count: 0 }]);
});

await test("conditions as plans write them; what is not understood is one unknown among others", () => {
  assert.deepEqual(
    kinds("((o.note IS NOT NULL) AND (o.note ~~* $1) AND (lower(o.note) = $3) AND (o.status = ANY ($2)))"),
    ["test", "compare ~~*", "compare =", "compare ="],
  );
  assert.deepEqual(kinds("((a = 1) AND (hashed SubPlan 1) AND (NOT b) AND ((c > 2) OR (d < 3)))"), [
    "compare =",
    "other",
    "test",
    "or",
  ]);
  assert.deepEqual(kinds(`(("and" = 'x) AND (y'::text) AND ("a""b" = $1))`), ["compare =", "compare ="]);
  assert.deepEqual(kinds("(status <> ALL ('{cancelled,refunded}'::order_status[]))"), ["other"]);
  assert.deepEqual(kinds("(CASE WHEN (a = 1) THEN b ELSE c END = $1)").length, 1);
});

await test("tokens: quotes, escapes, dollar quotes, nested comments; and whatever is cut off ends with the text", () => {
  assert.deepEqual(
    words(
      "select $1, 'it''s' -- limit $2\n/* a /* b */ limit */ from \"T\"\"x\" where e = E'\\'' and d = $q$ limit $3 $q$ limit $4",
    ),
    [
      "select",
      "$1",
      ",",
      "'it''s'",
      "from",
      'T"x',
      "where",
      "e",
      "=",
      "E'\\''",
      "and",
      "d",
      "=",
      "$q$ limit $3 $q$",
      "limit",
      "$4",
    ],
  );
  for (const open of ["'", '"', "/*", "$a$", "E'\\", "--", "$", "1.5e", ".", "::"])
    assert.ok(Array.isArray(tokenize(`select ${open}`)));
  assert.equal(
    replaceLimits("select a from t where b = $1 limit $2 offset $3 -- limit $4", 7),
    "select a from t where b = $1 limit 7 offset 0 -- limit $4",
  );
  assert.equal(
    replaceLimits("select a from t limit $1 offset ($2) + $3", 7),
    "select a from t limit 7 offset ($1) + $2",
  );
});

await test("requests in logs of several kinds", () => {
  const lines: Readonly<Record<string, string | undefined>> = {
    '127.0.0.1 - - [27/Nov/2026:10:00:00 +0000] "GET /orders?status=eq.paid HTTP/1.1" 200 12 "-" "curl"':
      "/orders?status=eq.paid",
    '127.0.0.1 - - [27/Nov/2026:10:00:00 +0000] "POST /orders HTTP/1.1" 201 0': undefined,
    '{"method":"GET","url":"/users/1?select=id"}': "/users/1?select=id",
    '{"method":"GET","path":"/users","query":"id=eq.1"}': "/users?id=eq.1",
    '{"req":{"method":"GET","url":"/a"}}': "/a",
    '{"method":"PATCH","url":"/users"}': undefined,
    '{"request":"GET /b?c=d HTTP/2.0"}': "/b?c=d",
    "GET /c": "/c",
    "/d?e=f": "/d?e=f",
    "https://api.example/g?h=i": "/g?h=i",
    "{ broken": undefined,
    "": undefined,
  };
  for (const [line, target] of Object.entries(lines)) assert.equal(targetOf(line), target, line);
});

function kinds(text: string): readonly string[] {
  return readConditions(text).map((each) => (each.kind === "compare" ? `${each.kind} ${each.operator}` : each.kind));
}

function words(sql: string): readonly string[] {
  return tokenize(sql).map(({ text }) => text);
}

function readsAndWrites(writes: number): readonly LoadedStatement[] {
  return [
    { text: "select id from parted where kind = $1", calls: 10, ms: 20, requests: [] },
    { text: "insert into parted (id, kind, filler) values ($1, $2, 'x')", calls: writes, ms: 30, requests: [] },
  ];
}
