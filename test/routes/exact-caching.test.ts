import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { get, post, postgres } from "../../src/index.ts";
import { parseLsn } from "../../src/postgres/replicas/index.ts";
import { parseToken } from "../../src/postgres/replicas/token.ts";
import type { TestScope } from "../support/defer.ts";
import { runSql, testDatabase } from "../support/postgres.ts";
import { type ServedApi, serveSources } from "../support/server.ts";

const SHOP = `
  create table users (id bigint primary key, name text not null unique, note text);
  create table orders (id bigint primary key, user_id bigint references users, total int, status text);
  -- So that a changed row's old user is told, too.
  alter table orders replica identity full;
  create table alone (id int primary key, value int);
  create view totals as select user_id, sum(total)::int as spent from orders group by user_id;
  insert into users select n, 'user ' || n from generate_series(1, 9) n;
  insert into orders select n, 1 + n % 9, n, 'paid' from generate_series(1, 90) n;
  insert into alone values (1, 1);`;

const id = z.object({ id: z.coerce.number().int() });
const cache = { maxAge: "1h" };

/** How often each path's handler has run. */
const made = new Map<string, number>();
function count<Value>(path: string, value: Value): Value {
  made.set(path, (made.get(path) ?? 0) + 1);
  return value;
}

const routes = [
  get("/user/:id", {
    params: id,
    cache,
    handle: async ({ sql, params, request }) =>
      count(request.target, (await sql.load`select name from users where id = ${params.id}`) ?? null),
  }),
  get("/orders/:id", {
    params: id,
    cache,
    handle: async ({ sql, params, request }) =>
      count(
        request.target,
        await sql`select u.name, o.id, o.total from orders o join users u on u.id = o.user_id
          where o.user_id = ${params.id} and o.status = 'paid' order by o.id limit 3`,
      ),
  }),
  get("/page/:id", {
    params: id,
    cache,
    handle: async ({ sql, params, page, request }) =>
      count(
        request.target,
        await page(sql`select id, total from orders where user_id = ${params.id}`, { by: ["id"], limit: 2 }),
      ),
  }),
  get("/totals", {
    cache,
    handle: async ({ sql, request }) => count(request.target, await sql`select * from totals order by user_id`),
  }),
  get("/remembered", {
    cache,
    handle: async ({ remember, sql, request }) =>
      count(
        request.target,
        await remember("all", "1h", [], async () => sql.one`select count(*)::int as n, sum(value)::int from alone`),
      ),
  }),
  get("/also-remembered", {
    cache,
    handle: async ({ remember, sql, request }) =>
      count(
        request.target,
        await remember("all", "1h", [], async () => sql.one`select count(*)::int as n, sum(value)::int from alone`),
      ),
  }),
  get("/constant", { cache, handle: async ({ sql, request }) => count(request.target, await sql`select 1 as one`) }),
  post("/rename/:id", {
    params: id,
    body: z.object({ name: z.string() }),
    handle: async ({ sql, params, body }) => sql`update users set name = ${body.name} where id = ${params.id}`,
  }),
  post("/rename-twice/:id", {
    params: id,
    handle: async ({ sql, params }) => {
      await sql`update users set note = 'once' where id = ${params.id}`;
      const between = await sql.one`select pg_current_wal_insert_lsn()::text as lsn`;
      await sql`update users set note = 'twice' where id = ${params.id}`;
      return between;
    },
  }),
];

/** Asks until replies are cached: changes are followed from some moment after the start. */
async function settle(api: ServedApi, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    let isHit = false;
    while (!isHit) isHit = String((await api.get(path)).headers["cache-status"]).includes("hit");
  }
}

async function served(t: TestScope): Promise<{ api: ServedApi; url: string }> {
  const url = await testDatabase(t, { sql: SHOP });
  const api = await serveSources(t, { "/tables": postgres(url) }, { routes });
  // Once the tables' own replies are cached, changes are followed.
  await settle(api, ["/tables/users?id=eq.1"]);
  return { api, url };
}

/** Waits until a change has taken effect, which the reply to one path shows. */
async function until(api: ServedApi, path: string, expected: string): Promise<void> {
  while (!(await api.get(path)).text.includes(expected));
}

test("a change takes away the replies that were made of its rows, and no others", async (t) => {
  const { api, url } = await served(t);
  const paths = [
    "/user/1",
    "/user/2",
    "/orders/1",
    "/orders/2",
    "/page/1",
    "/page/2",
    "/totals",
    "/remembered",
    "/also-remembered",
    "/constant",
  ];
  await settle(api, paths);
  let before = new Map(made);
  const madeSince = async (): Promise<string[]> => {
    for (const path of paths) await api.get(path);
    const again = paths.filter((path) => made.get(path) !== before.get(path));
    before = new Map(made);
    return again;
  };
  assert.deepEqual(await madeSince(), []);
  await runSql(url, "update users set name = 'Ada' where id = 1");
  await until(api, "/user/1", "Ada");
  // By key through the join, too: orders of user 1 are joined with the row of user 1 alone.
  assert.deepEqual(await madeSince(), ["/user/1", "/orders/1"]);
  assert.match((await api.get("/orders/1")).text, /"Ada"/);
  await runSql(url, "update orders set total = 7777 where id = 9");
  await until(api, "/page/1", "7777");
  assert.deepEqual(await madeSince(), ["/orders/1", "/page/1", "/totals"]);
  await runSql(url, "update alone set value = 5");
  await until(api, "/remembered", "5");
  assert.deepEqual(await madeSince(), ["/remembered", "/also-remembered"]);
  assert.equal((await api.get("/also-remembered")).text, (await api.get("/remembered")).text);
  await runSql(url, "truncate users cascade");
  await until(api, "/user/2", "null");
  assert.deepEqual(await madeSince(), [
    "/user/1",
    "/user/2",
    "/orders/1",
    "/orders/2",
    "/page/1",
    "/page/2",
    "/totals",
  ]);
});

test("a write through a route is seen by whoever asks after its reply", async (t) => {
  const { api } = await served(t);
  for (let round = 0; round < 20; round++) {
    await api.get("/user/3");
    await api.get("/orders/3");
    const name = `name ${round}`;
    const written = await api.send(
      "POST",
      "/rename/3",
      { "content-type": "application/json" },
      JSON.stringify({ name }),
    );
    assert.equal(written.status, 200);
    assert.deepEqual(await api.json("/user/3"), { name });
    assert.ok((await api.get("/orders/3")).text.includes(`"${name}"`));
  }
});

test("the token of several writes is that of the last", async (t) => {
  const { api } = await served(t);
  for (let round = 0; round < 5; round++) {
    const written = await api.send("POST", "/rename-twice/3");
    assert.equal(written.status, 200, written.text);
    const { lsn } = JSON.parse(written.text) as { lsn: string };
    const token = parseToken(String(written.headers["consistency-token"]));
    assert.ok(typeof token === "object", "no token");
    assert.ok(token.lsn > parseLsn(lsn), `${token.lsn} is from before ${lsn}`);
  }
});
