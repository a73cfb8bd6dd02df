import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { z } from "zod";
import { get, post, postgres, SqlError } from "../../src/index.ts";
import { readStatementText } from "../../src/postgres/sql/statement-text.ts";
import { savedStatements } from "../postgres/batch/saved.ts";
import { SECRET, signText } from "../auth/tokens.ts";
import { defer, type TestScope } from "../support/defer.ts";
import { queryRows, runSql, testDatabase } from "../support/postgres.ts";
import { type ServedApi, serveSources } from "../support/server.ts";

type Routes = NonNullable<Parameters<typeof serveSources>[2]>["routes"];

const ITEMS = `
  create table items (id bigint primary key, name text not null unique, price numeric, at timestamptz, tags text[], doc jsonb);
  insert into items
    select n, 'item ' || n, n / 2.0, timestamptz '2026-01-01' + (n % 7) * interval '1 day', array['t' || n % 3], json_build_object('n', n)
    from generate_series(1, 50) n;`;

async function withRoutes(
  t: TestScope,
  routes: Routes,
  options = {},
  more = {},
): Promise<{ api: ServedApi; url: string }> {
  const url = await testDatabase(t, { sql: ITEMS });
  const api = await serveSources(t, { "/tables": postgres(url, options) }, { routes, ...more });
  return { api, url };
}

const HOSTILE = ["'; drop table items; --", "$1", "\\", "item 1' or '1'='1", '{"a":"}', "a\u2028b", "''"];

test("values are parameters, whatever they hold, and come back as they were", async (t) => {
  const { api, url } = await withRoutes(t, [
    post("/echo", {
      body: z.object({ text: z.string(), list: z.array(z.string()) }),
      handle: ({ body, sql }) =>
        sql`select ${body.text}::text as text, ${body.list}::text[] as list, ${body}::jsonb as whole,
          '${"$1"}' as literal -- a comment ${/* not a value */ ""}`,
    }),
    post("/values", {
      body: z.object({ text: z.string(), list: z.array(z.string()) }),
      handle: async ({ body, sql }) =>
        sql.one`select ${body.text}::text as text, ${body.list}::text[] as list, ${body}::jsonb as whole,
          ${new Date(0)}::timestamptz as at, ${new Uint8Array([1, 255])}::bytea as bytes, ${[
            [1, 2],
            [3, 4],
          ]}::int[] as matrix,
          ${null}::int as nothing, ${12n}::bigint as big, ${true}::boolean as yes, 9007199254740993 as long`,
    }),
  ]);
  for (const text of HOSTILE) {
    const body = { text, list: [text, "NULL", ""] };
    const answer = await api.send("POST", "/values", { "content-type": "application/json" }, JSON.stringify(body));
    assert.deepEqual(JSON.parse(answer.text), {
      ...body,
      whole: body,
      at: JSON.parse(answer.text).at,
      bytes: "\\x01ff",
      matrix: [
        [1, 2],
        [3, 4],
      ],
      nothing: null,
      big: 12,
      yes: true,
      // JavaScript cannot hold it.
      long: "9007199254740993",
    });
    assert.equal(new Date(JSON.parse(answer.text).at).getTime(), 0);
    // A value inside of a text is none: PostgreSQL refuses what does not add up, and the client hears nothing of it.
    const refused = await api.send("POST", "/echo", { "content-type": "application/json" }, JSON.stringify(body));
    assert.equal(refused.status, 500);
    assert.equal(JSON.parse(refused.text).code, "HP_SQL_FAILED");
    assert.doesNotMatch(refused.text, /bind|parameter|select/);
  }
  assert.equal((await queryRows(url, "select count(*)::int as n from items"))[0]?.["n"], 50);
});

test("rows come whole, one, if there is one, and as parts of each other", async (t) => {
  const { api } = await withRoutes(t, [
    get("/all", { handle: ({ sql }) => sql`select id, name from items order by id limit 2;` }),
    get("/one/:id", { handle: async ({ sql, params }) => sql.one`select id, doc from items where id = ${params.id}` }),
    get("/maybe/:id", {
      handle: async ({ sql, params }) => (await sql.maybe`select id from items where id = ${params.id}`) ?? null,
    }),
    get("/some", {
      handle: async ({ sql, query }) => {
        const named = query["name"] === undefined ? sql`` : sql`and name = ${query["name"]}`;
        const { n } = await sql.one<{ n: number }>`
          with cheap as (select * from items where price < ${5} ${named}) select count(*) as n from cheap where id > ${1}`;
        return n;
      },
    }),
    get("/writes", { handle: async ({ sql }) => sql`delete from items` }),
  ]);
  assert.deepEqual(await api.json("/all"), [
    { id: 1, name: "item 1" },
    { id: 2, name: "item 2" },
  ]);
  assert.deepEqual(await api.json("/one/3"), { id: 3, doc: { n: 3 } });
  assert.equal((await api.get("/one/99")).status, 404);
  assert.equal((await api.get("/one/three")).status, 400);
  assert.equal(await api.json("/maybe/99"), null);
  assert.equal(await api.json("/some"), 8);
  assert.equal(await api.json("/some?name=item%204"), 1);
  assert.equal((await api.get("/writes")).status, 500, "a route that reads changes nothing");
});

test("writes answer rows where they return some; transactions are whole or nothing", async (t) => {
  const { api, url } = await withRoutes(t, [
    post("/add/:id", {
      status: 201,
      handle: async ({ sql, params }) =>
        sql.one`insert into items (id, name) values (${params.id}, ${`item ${params.id}`}) returning id, name`,
    }),
    post("/move", {
      handle: async ({ sql }) => sql`
        with gone as (delete from items where id > 45 returning *)
        insert into items (id, name) select id + 100, name || '!' from gone returning id`,
    }),
    post("/count", {
      handle: async ({ sql }) => sql`with gone as (delete from items where id = 1 returning *) select * from gone`,
    }),
    post("/silent", { handle: async ({ sql }) => sql`update items set price = 0 where id = 2` }),
    post("/both/:id", {
      handle: async ({ sql, params }) =>
        sql.transaction(async (sql) => {
          await sql`insert into items (id, name) values (900, 'nine hundred')`;
          const inside = await sql.one<{ n: number }>`select count(*) as n from items where id = 900`;
          await sql`insert into items (id, name) values (${params.id}, ${`new ${params.id}`})`;
          return inside;
        }),
    }),
    post("/caught", {
      handle: async ({ sql }) => {
        try {
          return await sql`insert into items (id, name) values (800, 'item 5')`;
        } catch (error) {
          return error instanceof SqlError ? { state: error.sqlState, constraint: error.constraint } : null;
        }
      },
    }),
  ]);
  const added = await api.send("POST", "/add/60");
  assert.deepEqual([added.status, JSON.parse(added.text)], [201, { id: 60, name: "item 60" }]);
  const conflict = await api.send("POST", "/add/60");
  assert.deepEqual([conflict.status, JSON.parse(conflict.text).code], [409, "HP_SQL_CONFLICT"]);
  const moved = JSON.parse((await api.send("POST", "/move")).text) as { id: number }[];
  assert.deepEqual(
    moved.map(({ id }) => id).sort((one, other) => one - other),
    [146, 147, 148, 149, 150, 160],
  );
  assert.equal((JSON.parse((await api.send("POST", "/count")).text) as unknown[]).length, 1);
  assert.equal((await api.send("POST", "/silent")).text, "[]");
  assert.equal((await api.send("POST", "/both/2")).status, 409);
  assert.deepEqual(await queryRows(url, "select id from items where id = 900"), []);
  assert.deepEqual(JSON.parse((await api.send("POST", "/both/901")).text), { n: 1 });
  const both = await queryRows(url, "select id::int from items where id in (900, 901) order by id");
  assert.deepEqual(both, [{ id: 900 }, { id: 901 }]);
  assert.deepEqual(JSON.parse((await api.send("POST", "/caught")).text), {
    state: "23505",
    constraint: "items_name_key",
  });
});

test("reads by key share statements, of one request and of many, and each gets its own row", async (t) => {
  const { api } = await withRoutes(
    t,
    [
      get("/items", {
        query: z.object({ ids: z.string() }),
        handle: async ({ sql, query }) =>
          Promise.all(
            query.ids
              .split(",")
              .map(async (id) => (await sql.load`select id, name from items where id = ${id}`) ?? null),
          ),
      }),
    ],
    { pool: { max: 1, maxPipelineDepth: 1 } },
  );
  const ids = Array.from({ length: 40 }, (_, place) => place * 2);
  const expected = ids.map((id) => (id >= 1 && id <= 50 ? { id, name: `item ${id}` } : null));
  for (let round = 0; round < 100 && !((await savedStatements(api, "merged")) > 0); round++) {
    const replies = await Promise.all(Array.from({ length: 3 }, async () => api.json(`/items?ids=${ids.join(",")}`)));
    for (const reply of replies) assert.deepEqual(reply, expected);
  }
  assert.ok((await savedStatements(api, "merged")) > 0);
  // One that PostgreSQL cannot read hurts nobody but its own request.
  const [good, bad] = await Promise.all([api.get("/items?ids=1,2,3"), api.get("/items?ids=x")]);
  assert.deepEqual([good.status, bad.status], [200, 400]);
});

test("statements run as whoever asks, so that policies hold for routes", async (t) => {
  const url = await testDatabase(t, { sql: ITEMS });
  const role = `member_${randomBytes(6).toString("hex")}`;
  await runSql(
    url,
    `create role ${role}; grant select, insert on items to ${role}; alter table items enable row level security;
     create policy own on items for select using (name = 'item ' || (current_setting('request.jwt.claims', true)::json->>'sub'))`,
  );
  defer(t, () => runSql(url, `drop owned by ${role}; drop role ${role}`));
  const api = await serveSources(
    t,
    { "/": postgres(url, { anonRole: role }) },
    {
      auth: { jwt: { secret: SECRET } },
      routes: [
        get("/mine", {
          cache: { maxAge: "1h" },
          handle: async ({ sql }) => (await sql`select id from items`).map(({ id }) => id),
        }),
        post("/add", { handle: async ({ sql }) => sql`insert into items (id, name) values (1000, 'item x')` }),
      ],
    },
  );
  const as = (sub: string) => ({ authorization: `Bearer ${signText(SECRET, JSON.stringify({ sub, role }))}` });
  for (const sub of ["3", "7", "3", "7"]) assert.deepEqual(await api.json("/mine", as(sub)), [Number(sub)]);
  assert.deepEqual(await api.json("/mine"), []);
  assert.equal((await api.send("POST", "/add", as("3"))).status, 403);
});

test("pages of any statement are whole, in order, and without repetition", async (t) => {
  const { api } = await withRoutes(t, [
    get("/items", {
      fields: true,
      handle: async ({ sql, page }) =>
        page(sql<{ id: number; at: string }>`select id, at, price from items where price > ${2}`, {
          by: ["-at", "id"],
          limit: 7,
          most: 20,
        }),
    }),
  ]);
  const everything = (await api.json("/tables/items?select=id&price=gt.2&order=at.desc,id")) as { id: number }[];
  for (const limit of ["", "limit=1&", "limit=13&", "limit=500&"]) {
    const ids: number[] = [];
    let path: string | undefined = `/items?${limit}fields=id`;
    while (path !== undefined) {
      const answer = await api.get(path);
      const { items, next } = JSON.parse(answer.text) as { items: { id: number }[]; next: string | null };
      assert.deepEqual(Object.keys(items[0] ?? {}), ["id"]);
      ids.push(...items.map(({ id }) => id));
      const link = /^<([^>]+)>; rel="?next"?$/.exec(String(answer.headers.link ?? ""));
      assert.equal(link === null, next === null);
      path = link?.[1];
    }
    assert.deepEqual(
      ids,
      everything.map(({ id }) => id),
      limit,
    );
  }
  for (const query of ["after=x", "after=WyJhIl0", "limit=0", "limit=x"]) {
    assert.equal((await api.get(`/items?${query}`)).status, 400, query);
  }
});

test("a write's token lets the next read see it, also through routes", async (t) => {
  const { api } = await withRoutes(t, [
    post("/price/:id", {
      handle: async ({ sql, params }) => sql`update items set price = price + 1 where id = ${params.id}`,
    }),
  ]);
  const before = (await api.json("/tables/items?id=eq.1&select=price")) as { price: number }[];
  const written = await api.send("POST", "/price/1");
  assert.equal(written.status, 200);
  const after = (await api.json("/tables/items?id=eq.1&select=price")) as { price: number }[];
  assert.equal(after[0]?.price, (before[0]?.price ?? 0) + 1);
});

test("what matters of a statement's text is found, whatever stands in strings, names and comments", () => {
  const texts: Readonly<Record<string, readonly [verb: string, hasRows: boolean, isWriting: boolean]>> = {
    "select 'delete from a'": ["select", true, false],
    "/* insert */ -- delete\n SELECT 1": ["select", true, false],
    "table items": ["table", true, false],
    "insert into a values ('returning')": ["insert", false, true],
    'insert into a("returning") values (1)': ["insert", false, true],
    "insert into a values (1) returning *": ["insert", true, true],
    "update a set b = (select 1 from c returning)": ["update", false, true],
    "with x as (select 1) select * from x": ["select", true, false],
    "with x as (delete from a returning *) select * from x": ["select", true, true],
    "with recursive x(select_) as (values (1)) delete from a using x returning 1": ["delete", true, true],
    "select $a$ ; returning $a$, e'it\\'s', 'a''b'": ["select", true, false],
    "refresh materialized view v": ["refresh", false, true],
    "": ["", false, true],
  };
  for (const [text, [verb, hasRows, isWriting]] of Object.entries(texts)) {
    const read = readStatementText(text);
    assert.deepEqual([read.verb, read.hasRows, read.isWriting], [verb, hasRows, isWriting], text);
  }
});
