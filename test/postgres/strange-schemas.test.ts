import assert from "node:assert/strict";
import { test } from "node:test";
import { queryRows, runSql, testDatabase } from "../support/postgres.ts";
import { type ServedApi, serve } from "../support/server.ts";

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
/** As the dialect's grammar takes a name that is not plain. */
const inDialect = (name: string): string =>
  encodeURIComponent(`"${name.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`);

const NAMES = [
  "select",
  "from",
  "table",
  "user",
  "Upper",
  "with space",
  "per%cent",
  "dot.ted",
  "com,ma",
  'quo"te',
  "back\\slash",
  "apos'trophe",
  "sla/sh",
  "a+b",
  "a&b=c",
  "q?m#h",
  "(b)",
  "{c}",
  "->",
  "a->>b",
  "::",
  "größe",
  "日本語",
  "🎉",
  "count",
  "and",
  "or",
  "not",
  "order",
  "limit",
  "offset",
  "columns",
  "after",
  "null",
  "true",
  "1",
  "1a",
  "-",
  "a-b",
  "_",
  "$1",
  "!inner",
  "...x",
  "; drop table x; --",
  "rpc",
  "%2F",
  "é",
  "e\u0301",
  "h1",
  "t",
  "source",
];

test("names of every kind, as tables, columns, keys and embeds", async (t) => {
  const url = await testDatabase(t, {
    sql: `create table hub (id int primary key); insert into hub values (1), (2);
      ${NAMES.map((name) => `create table ${quoted(name)} (${quoted(name)} int primary key, hub_id int references hub, "x ${name.replaceAll('"', '""')}" text); insert into ${quoted(name)} values (1, 1, 'one'), (2, null, 'two');`).join("\n")}`,
  });
  const api = await serve(t, url);
  for (const name of NAMES) {
    const [path, column, other] = [
      `/${encodeURIComponent(name).replaceAll(".", "%2E")}`,
      inDialect(name),
      inDialect(`x ${name}`),
    ];
    const one = { [name]: 1, hub_id: 1, [`x ${name}`]: "one" };
    const two = { [name]: 2, hub_id: null, [`x ${name}`]: "two" };
    assert.deepEqual(await api.json(`${path}?order=${column}`), [one, two], name);
    assert.deepEqual(await api.json(`${path}?order=${column}.desc&limit=1`), [two], name);
    assert.deepEqual(await api.json(`${path}/2`), two, name);
    assert.deepEqual(
      await api.json(`${path}?${column}=eq.1&${other}=eq.one&or=(${column}.eq.1,${other}.is.null)`),
      [one],
      name,
    );
    assert.deepEqual(
      await api.json(`${path}?select=${column},${other}&order=hub_id.nullsfirst&limit=1`),
      [{ [name]: 2, [`x ${name}`]: "two" }],
      name,
    );
    assert.deepEqual(
      await api.json(`${path}?select=a:${other},hub(id)&order=${column}`),
      [
        { a: "one", hub: { id: 1 } },
        { a: "two", hub: null },
      ],
      name,
    );
    if (name === "count") continue; // count(…) is the aggregate
    assert.deepEqual(
      await api.json(`/hub?select=id,${column}(${other})&order=id`),
      [
        { id: 1, [name]: [{ [`x ${name}`]: "one" }] },
        { id: 2, [name]: [] },
      ],
      name,
    );
    assert.deepEqual(await api.json(`/hub?select=id,${column}!inner()&${column}.${other}=eq.one`), [{ id: 1 }], name);
    const page = await api.get(`${path}?order=${column}&limit=1`);
    // The column keeps its name's meaning, so there are no cursors.
    if (name === "after") continue;
    const next = /<([^>]+)>/.exec(String(page.headers.link))?.[1];
    assert.deepEqual(JSON.parse((await api.get(next!)).text), [two], name);
    const location = page.headers["content-location"] as string;
    assert.deepEqual(JSON.parse((await api.get(location)).text), [one], location);
  }
});

test("a column of every built-in type answers what PostgreSQL's own JSON says", async (t) => {
  const url = await testDatabase(t);
  const types = await queryRows(url, TYPES);
  const names = types.map(({ name }) => String(name));
  assert.ok(names.length > 130, `only ${names.length} types`);
  await runSql(
    url,
    `create table every (id int primary key, ${names.map((name, index) => `c${index} ${name}`).join(", ")}); insert into every (id) values (2);`,
  );
  const made = (await queryRows(
    url,
    "select attname as column, atttypid::regtype::text as type, typcategory as category from pg_attribute join pg_type on atttypid = pg_type.oid where attrelid = 'every'::regclass and attnum > 1",
  )) as { column: string; type: string; category: string }[];
  const settings = made.flatMap(({ column, type, category }) => {
    const value = SAMPLES[type] ?? (category === "A" && type.endsWith("]") ? "{}" : undefined);
    return value === undefined ? [] : [`${column} = '${value}'`];
  });
  assert.ok(settings.length > 100, `only ${settings.length} samples`);
  await runSql(url, `insert into every (id) values (1); update every set ${settings.join(", ")} where id = 1`);
  const api = await serve(t, url);
  const [expected] = await queryRows(url, "select json_agg(e order by id)::text as body from every e");
  assert.equal((await api.get("/every?order=id")).text, expected?.["body"]);
  for (const { column, type } of made) {
    for (const query of [
      `select=id,${column}&order=id`,
      `${column}=is.null&select=id`,
      `select=id,x:${column}::text&order=id&limit=1`,
    ]) {
      assert.equal((await api.get(`/every?${query}`)).status, 200, `${type} ${query}`);
    }
    // Not every type can be ordered or compared; then PostgreSQL says so, and never we with a stack.
    for (const query of [
      `order=${column}&limit=1`,
      `order=${column}.desc.nullsfirst&limit=1`,
      `${column}=eq.1`,
      `${column}=in.(1,2)`,
      `${column}=cs.{}`,
      `${column}->a=eq.1`,
      `${column}=fts.a`,
    ]) {
      const answer = await api.get(`/every?select=id&${query}`);
      assert.ok(answer.status < 500, `${type} ${query}: ${answer.text}`);
      const link = /<([^>]+)>/.exec(String(answer.headers.link))?.[1];
      if (link !== undefined) assert.equal((await api.get(link)).status, 200, `${type}: ${link}`);
    }
  }
});

test("composite, domain, generated and identity columns; relations of every kind", async (t) => {
  const url = await testDatabase(t, { sql: KINDS });
  const api = await serve(t, url);
  assert.deepEqual(await api.json("/kinds"), [
    {
      id: 1,
      place: { street: 'Main, "St"', spot: { x: 1, y: null } },
      places: [{ street: "a", spot: null }],
      price: 5,
      twice: 10,
    },
  ]);
  const parts = "select=street:place->>street,place->spot->x,first:places->0->>street";
  assert.deepEqual(await api.json(`/kinds?${parts}&price=gt.4&twice=eq.10`), [
    { street: 'Main, "St"', x: 1, first: "a" },
  ]);
  assert.deepEqual(await api.json("/kinds?place->spot->>x=eq.1&select=id&order=place->spot->x"), [{ id: 1 }]);
  for (const name of ["plain_view", "kept_view", "parts"])
    assert.deepEqual(await api.json(`/${name}?select=id`), [{ id: 1 }], name);
  assert.equal((await api.get("/parts/1")).status, 200);
  assert.deepEqual(await api.json("/nothing"), [{}, {}]);
  assert.deepEqual(await api.json("/nothing", { prefer: "count=exact", range: "0-0" }), [{}]);
  assert.equal((await api.get("/nothing", { accept: "text/csv" })).status, 200);
  assert.deepEqual(await api.json("/nothing?select=ctid&order=ctid.desc&limit=1"), [{ ctid: "(0,2)" }]);
  assert.deepEqual(await api.json("/void"), []);
  assert.deepEqual(await api.json("/void", { accept: "application/vnd.pgrst.object+json" }, 406), {
    code: "PGRST116",
    details: "The result contains 0 rows",
    hint: null,
    message: "Cannot coerce the result to a single JSON object",
  });
});

test("empty schemas, several schemas and many tables", async (t) => {
  const many = Array.from(
    { length: 500 },
    (_, index) =>
      `create table t${index} (id int primary key${index === 0 ? "" : `, prev int references t${index - 1}`}); insert into t${index} values (${index === 0 ? "0" : `${index}, ${index - 1}`});`,
  );
  const url = await testDatabase(t, {
    sql: `create schema empty; create schema "Other, ""S"""; create table "Other, ""S""".t1 (id int primary key, name text); insert into "Other, ""S""".t1 values (7, 'other'); create schema hidden; create table hidden.secret (id int);`,
  });
  for (let at = 0; at < many.length; at += 100) await runSql(url, many.slice(at, at + 100).join("\n"));

  await t.test("500 tables answer each", async (t) => {
    const api = await serve(t, url);
    for (let index = 0; index < 500; index += 50) {
      const rows = await Promise.all(
        Array.from({ length: 50 }, (_, offset) => api.json(`/t${index + offset}?select=id`)),
      );
      assert.deepEqual(
        rows,
        Array.from({ length: 50 }, (_, offset) => [{ id: index + offset }]),
      );
    }
    assert.deepEqual(await api.json("/t499?select=id,t498(id,t497(id))"), [
      { id: 499, t498: { id: 498, t497: { id: 497 } } },
    ]);
    const { paths } = (await api.json("/")) as { paths: object };
    assert.equal(Object.keys(paths).length, 1 + 2 * 500);
    const unknown = (await api.json("/t499x", {}, 404)) as { code: string; hint: string };
    assert.equal(unknown.code, "PGRST205");
    assert.match(unknown.hint, /t499/);
    for (const name of ["secret", "pg_class", "hidden.secret", "information_schema.tables"])
      assert.equal((await api.get(`/${name}`)).status, 404);
  });

  await t.test("the profile chooses the schema", async (t) => {
    await runSql(
      url,
      'create schema "größe 日本"; create table "größe 日本".t1 (id int primary key, name text); insert into "größe 日本".t1 values (1, $$ä$$)',
    );
    const unicode = await serve(t, url, { postgres: { schemas: ["empty", "größe 日本"] } });
    const profile = Buffer.from("größe 日本").toString("latin1");
    for (const path of ["/t1", "/t1/1", "/t1?name=eq.%C3%A4"]) {
      const answer = await unicode.get(path, { "accept-profile": profile });
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.headers["content-profile"], profile);
      assert.match(answer.text, /"name":"ä"/);
    }
    const other = 'Other, "S"';
    const api = await serve(t, url, { postgres: { schemas: ["public", other, "empty"] } });
    const answer = await api.get("/t1", { "accept-profile": other });
    assert.deepEqual(JSON.parse(answer.text), [{ id: 7, name: "other" }]);
    assert.equal(answer.headers["content-profile"], other);
    assert.deepEqual(await api.json("/t1"), [{ id: 1, prev: 0 }]);
    assert.equal((await api.get("/t1/7", { "accept-profile": other })).status, 200);
    assert.equal((await api.get("/t1", { "accept-profile": "empty" })).status, 404);
    for (const profile of ["hidden", "pg_catalog", "x'; drop", ""])
      assert.equal((await api.get("/t1", { "accept-profile": profile })).status, 406, profile);
  });

  await t.test("a schema without anything is served all the same", async (t) => {
    const api: ServedApi = await serve(t, url, { postgres: { schemas: ["empty"] } });
    assert.deepEqual(Object.keys(((await api.json("/")) as { paths: object }).paths), ["/"]);
    assert.equal((await api.get("/t1")).status, 404);
  });
});

test("every failure is JSON with a code", async (t) => {
  const url = await testDatabase(t, {
    sql: "create table users (id int primary key, name text, at date); insert into users values (1, 'x', null); create view broken as select id, 1 / (id - 1) as ratio from users;",
  });
  const api = await serve(t, url);
  const failures: readonly (readonly [
    method: string,
    path: string,
    status: number,
    code: string,
    headers?: Record<string, string>,
  ])[] = [
    ["GET", "/user", 404, "PGRST205"],
    ["GET", "/users?nam=eq.x", 400, "42703"],
    ["GET", "/users?id=eq.x", 400, "22P02"],
    ["GET", "/users?id=x", 400, "PGRST100"],
    ["GET", "/users?at=gt.2024-02-30", 400, "22008"],
    ["GET", "/users?select=id,orders(*)", 400, "PGRST200"],
    ["GET", "/users?orders.id=eq.1", 400, "PGRST108"],
    ["GET", "/users?select=id.sum()", 400, "PGRST123"],
    ["GET", "/users?select=id::nothing", 400, "42704"],
    ["GET", "/users?name=match.(", 400, "2201B"],
    ["GET", "/users?name=fts(klingon).x", 400, "42704"],
    ["GET", "/broken", 400, "22012"],
    ["GET", "/users?offset=5", 416, "PGRST103", { prefer: "count=exact" }],
    ["GET", "/users", 416, "PGRST103", { range: "5-2" }],
    ["GET", "/users", 406, "PGRST107", { accept: "image/png" }],
    ["GET", "/users", 400, "PGRST122", { prefer: "handling=strict, nonsense" }],
    ["GET", "/users", 406, "PGRST106", { "accept-profile": "no" }],
    ["GET", "/a/b/c", 404, "PGRST125"],
    ["GET", "/users?id=eq.99999999999", 400, "22003"],
    ["GET", "/users?order=id.sideways", 400, "PGRST100"],
    ["POST", "/users", 400, "PGRST102"],
    ["POST", "/users/5", 405, "PGRST117"],
    ["POST", "/", 405, "PGRST117"],
    ["DELETE", "/users/5", 404, "HP_NOT_FOUND"],
    ["PROPFIND", "/users", 405, "PGRST117"],
    ["GET", "/users/x", 400, "22P02"],
    ["GET", "/users/5", 404, "HP_NOT_FOUND"],
  ];
  for (const [method, path, status, code, headers] of failures) {
    const answer = await api
      .send(method, path, headers)
      .catch((error: unknown) => assert.fail(`${method} ${path}: ${String(error)}`));
    assert.equal(answer.status, status, `${method} ${path}: ${answer.text}`);
    assert.match(String(answer.headers["content-type"]), /^application\/(problem\+)?json/);
    assert.equal((JSON.parse(answer.text) as { code: string }).code, code, path);
    assert.equal(answer.headers.etag, undefined);
    const head = await api.send("HEAD", path, headers);
    // A range is a range of GET alone (RFC 9110 section 14.2).
    if (method === "GET" && headers?.["range"] === undefined) assert.equal(head.status, status, path);
  }
});

const TYPES = `
  select format_type(oid, null) as name from pg_type
  where typnamespace = 'pg_catalog'::regnamespace and typtype in ('b', 'r', 'm') and typname !~ '^(pg_|_pg_)' and typrelid = 0
    and (typelem = 0 or typcategory = 'A' and (select typrelid = 0 and typname !~ '^pg_' and typtype in ('b', 'r', 'm') from pg_type e where e.oid = pg_type.typelem) or typcategory not in ('A'))
    and typname not in ('unknown') order by 1`;

/** A value of each type that has one worth a look; arrays are empty. */
const SAMPLES: Readonly<Record<string, string>> = {
  bigint: "9223372036854775807",
  bit: "1",
  '"bit"': "1",
  "bit varying": "1010",
  boolean: "t",
  box: "(1,1),(0,0)",
  bytea: "\\x00ff",
  '"char"': "x",
  character: "c",
  '"character"': "c",
  "character varying": 'a"b',
  cidr: "10.0.0.0/8",
  circle: "<(0,0),1>",
  date: "infinity",
  "double precision": "-Infinity",
  inet: "::1",
  integer: "-2147483648",
  interval: "1 year 2 mons -3 days 04:05:06.789",
  json: '{"a": [1, null, "x"]}',
  jsonb: '{"b": 1e100}',
  line: "{1,2,3}",
  lseg: "[(0,0),(1,1)]",
  macaddr: "08:00:2b:01:02:03",
  macaddr8: "08:00:2b:01:02:03:04:05",
  money: "-12.34",
  name: "größe",
  numeric: "NaN",
  oid: "4294967295",
  path: "((0,0),(1,1))",
  point: "(1e300,2)",
  polygon: "((0,0),(1,1),(1,0))",
  real: "1e-30",
  smallint: "-32768",
  text: "tab\there 🎉",
  "time without time zone": "24:00",
  "time with time zone": "23:59:59.999999+02",
  "timestamp without time zone": "0044-03-15 BC",
  "timestamp with time zone": "294276-12-31",
  tsquery: "a & b",
  tsvector: "a:1 b:2",
  uuid: "c4ca4238a0b923820dcc509a6f75849b",
  xml: "<a>&amp;</a>",
  jsonpath: "$.a",
  tid: "(0,1)",
  xid: "1",
  cid: "1",
  xid8: "99999999999",
  int4range: "[1,5)",
  int8range: "empty",
  numrange: "(,1.5]",
  tsrange: "[2024-01-01,)",
  tstzrange: "(,)",
  daterange: "[2024-01-01,2024-02-01)",
  int4multirange: "{[1,2),[5,6)}",
  regclass: "pg_class",
  regtype: "integer",
  txid_snapshot: "10:20:10,14",
  refcursor: "r",
  aclitem: "=r/postgres",
};

const KINDS = `
  create type spot as (x int, y int); create type address as (street text, spot spot); create domain price as numeric check (value > 0);
  create table kinds (id int generated always as identity primary key, place address, places address[], price price, twice numeric generated always as (price * 2) stored);
  insert into kinds (place, places, price) values (row('Main, "St"', row(1, null)), array[row('a', null)::address], 5);
  create view plain_view as select * from kinds; create materialized view kept_view as select * from kinds;
  create table parts (id int primary key, name text) partition by range (id); create table parts_low partition of parts for values from (0) to (10); insert into parts values (1, 'p');
  create table nothing (); insert into nothing default values; insert into nothing default values; create table void (id int);`;
