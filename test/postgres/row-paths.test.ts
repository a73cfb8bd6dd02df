import assert from "node:assert/strict";
import { test } from "node:test";
import { runSql, testDatabase } from "../support/postgres.ts";
import { POSTGREST_LIKE, serve } from "../support/server.ts";
import { until } from "./pool/fixture.ts";

const SCHEMA = `
  create table users (id int primary key, name text, updated_at timestamptz);
  create table order_items (order_id int, line int, note text, primary key (order_id, line));
  create table swapped (a text, b int, primary key (b, a));
  create table codes (code text primary key, "select" int);
  create table days (day date primary key, updated_at timestamp);
  create table uuids (id uuid primary key);
  create table loose (id int, name text);
  create table odd ("k.e,y" int, "order" int, primary key ("k.e,y", "order"));
  create table strange_times (id int primary key, updated_at timestamptz[]);
  create view user_names as select id, name from users;
  create view keyless as select name from users;
  insert into users values (1, 'Ann', '2024-02-29 12:00:00.9996+02'), (2, 'Bob', null), (3, 'Cy', 'infinity'), (4, 'Di', '2999-01-01'), (5, 'Eve', '0044-03-15 BC');
  insert into order_items values (7, 1, 'first'), (7, 2, 'second');
  insert into swapped values ('x,y', 5), ('x', 5);
  insert into codes values ('a,b', 1), ('a/b', 2), ('a%2Cb', 3), ('', 4), ('größe 🎉', 5), ('.', 6), ('eq.1', 7), ('a"b\\c', 8), ('null', 9), ('*', 10), ('a+b', 11), ('a b', 12), ('?#', 13);
  insert into days values ('2024-02-29', '2024-02-29 23:00'); insert into uuids values ('c4ca4238-a0b9-2382-0dcc-509a6f75849b');
  insert into odd values (1, 2); insert into strange_times values (1, array[now()]);`;

test("a row has a path", async (t) => {
  const url = await testDatabase(t, { sql: SCHEMA });
  const api = await serve(t, url);
  const status = async (path: string, headers = {}): Promise<number> => (await api.get(path, headers)).status;

  await t.test("by one key, several keys in their order, and keys of any type", async () => {
    assert.deepEqual(await api.json("/users/2"), { id: 2, name: "Bob", updated_at: null });
    assert.deepEqual(await api.json("/order_items/7,2"), { order_id: 7, line: 2, note: "second" });
    assert.deepEqual(await api.json("/swapped/5,x%2Cy"), { a: "x,y", b: 5 });
    assert.deepEqual(await api.json("/days/2024-02-29?select=day"), { day: "2024-02-29" });
    assert.deepEqual(await api.json("/uuids/C4CA4238A0B923820DCC509A6F75849B"), {
      id: "c4ca4238-a0b9-2382-0dcc-509a6f75849b",
    });
    assert.deepEqual(await api.json("/odd/1,2"), { "k.e,y": 1, order: 2 });
    assert.deepEqual(await api.json("/user_names/1"), { id: 1, name: "Ann" });
    assert.deepEqual(await api.json("/users/2?select=n:name"), { n: "Bob" });
    assert.deepEqual(await api.json("/users/2/"), { id: 2, name: "Bob", updated_at: null });
  });

  await t.test("by texts with whatever characters", async () => {
    for (const [code, number] of [
      ["a,b", 1],
      ["a/b", 2],
      ["a%2Cb", 3],
      ["größe 🎉", 5],
      [".", 6],
      ["eq.1", 7],
      ['a"b\\c', 8],
      ["null", 9],
      ["*", 10],
      ["a+b", 11],
      ["a b", 12],
      ["?#", 13],
    ] as const) {
      const escaped = encodeURIComponent(code).replaceAll(".", "%2E");
      assert.deepEqual(await api.json(`/codes/${escaped}`), { code, select: number }, code);
    }
    assert.deepEqual(await api.json("/codes//"), { code: "", select: 4 });
    // A plus sign is a space in a query only.
    assert.deepEqual(await api.json("/codes/a+b"), { code: "a+b", select: 11 });
  });

  await t.test("refusing what is no row", async () => {
    for (const path of [
      "/users/9",
      "/users/1,2",
      "/order_items/7",
      "/order_items/7,2,3",
      "/loose/1",
      "/keyless/Ann",
      "/users/1?name=eq.Bob",
      "/codes/a,b",
    ]) {
      const answer = await api.get(path);
      assert.equal(answer.status, 404, path);
      assert.equal((JSON.parse(answer.text) as { code: string }).code, "HP_NOT_FOUND");
      assert.equal(answer.headers.etag, undefined);
    }
    assert.equal(await status("/users/9", { accept: "text/csv" }), 404);
    assert.equal(await status("/users/9", { accept: "application/vnd.pgrst.object+json" }), 404);
    assert.equal(await status("/users/abc"), 400);
    assert.equal(await status("/users/99999999999999999999"), 400);
    assert.equal(await status("/uuids/1"), 400);
    assert.equal(await status("/users/1/2"), 404);
    assert.equal(await status("/nobody/1"), 404);
    assert.equal((await api.send("HEAD", "/users/9")).status, 404);
  });

  await t.test("in other formats, and with no range", async () => {
    assert.equal((await api.get("/users/2", { accept: "text/csv" })).text, "id,name,updated_at\n2,Bob,");
    const answer = await api.get("/users/2", { prefer: "count=exact" });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers["content-range"], undefined);
    assert.equal(answer.headers.link, undefined);
  });

  await t.test("with a time of its last change", async () => {
    const { headers } = await api.get("/users/1");
    assert.equal(headers["last-modified"], "Thu, 29 Feb 2024 10:00:01 GMT");
    assert.equal(await status("/users/1", { "if-modified-since": "Thu, 29 Feb 2024 10:00:01 GMT" }), 304);
    assert.equal(await status("/users/1", { "if-modified-since": "Thu, 29 Feb 2024 10:00:00 GMT" }), 200);
    assert.equal(
      await status("/users/1", { "if-modified-since": "Thu, 29 Feb 2024 10:00:01 GMT", "if-none-match": '"other"' }),
      200,
    );
    assert.equal(await status("/users/1", { "if-unmodified-since": "Thu, 29 Feb 2024 10:00:00 GMT" }), 412);
    assert.equal((await api.get("/users/1?select=id")).headers["last-modified"], "Thu, 29 Feb 2024 10:00:01 GMT");
    assert.equal((await api.get("/days/2024-02-29")).headers["last-modified"], "Thu, 29 Feb 2024 23:00:00 GMT");
    // No time, none that HTTP could say, and none at all.
    for (const path of ["/users/2", "/users/3", "/order_items/7,1", "/strange_times/1", "/users"]) {
      const answer = await api.get(path);
      assert.equal(answer.status, 200, path);
      assert.equal(answer.headers["last-modified"], undefined, path);
    }
    assert.ok(Date.parse((await api.get("/users/4")).headers["last-modified"]!) <= Date.now());
    assert.equal(await status("/users/5"), 200);
  });

  await t.test("with a validator that changes with the row alone", async () => {
    const first = await api.get("/order_items/7,1");
    const etag = first.headers.etag!;
    assert.match(etag, /^"[^"]+"$/);
    const unchanged = await api.get("/order_items/7,1", { "if-none-match": `"x", ${etag}` });
    assert.equal(unchanged.status, 304);
    assert.equal(unchanged.text, "");
    assert.equal(unchanged.headers.etag, etag);
    assert.equal(await status("/order_items/7,1", { "if-none-match": "*" }), 304);
    assert.equal(await status("/order_items/7,1", { "if-match": etag }), 200);
    assert.equal(await status("/order_items/7,1", { "if-match": '"other"' }), 412);
    assert.equal((await api.send("HEAD", "/order_items/7,1", { "if-none-match": etag })).status, 304);
    await runSql(url, "update order_items set note = 'changed' where line = 1");
    // Of what somebody else has written the cache is told a moment later.
    await until(
      async () => (await status("/order_items/7,1", { "if-none-match": etag })) === 200,
      "the change is seen",
    );
    assert.equal(await status("/order_items/7,2", { "if-none-match": etag }), 200);
  });

  await t.test("below a base path and where the column has another name", async (t) => {
    await runSql(
      url,
      "create table edits (id int primary key, touched timestamptz); insert into edits values (1, '2020-01-01 00:00:00Z')",
    );
    const api = await serve(t, url, { base: "/v1/api", postgres: { updatedAtColumn: "touched" } });
    const answer = await api.get("/v1/api/edits/1");
    assert.equal(answer.headers["last-modified"], "Wed, 01 Jan 2020 00:00:00 GMT");
    assert.equal((await api.get("/v1/api/users/1")).headers["last-modified"], undefined);
    assert.equal((await api.get("/edits/1")).status, 404);
  });

  await t.test("but not as PostgREST serves", async (t) => {
    const api = await serve(t, url, { postgres: POSTGREST_LIKE });
    const answer = await api.get("/users/1");
    assert.equal(answer.status, 404);
    assert.equal((JSON.parse(answer.text) as { code: string }).code, "PGRST125");
    const page = await api.get("/users?order=id&limit=2");
    assert.equal(page.headers.link, undefined);
    assert.equal((await api.get("/users?order=id&limit=2&after=abc")).status, 400);
  });
});
