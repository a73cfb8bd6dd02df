import assert from "node:assert/strict";
import { test } from "node:test";
import { startFaultProxy, through } from "../../support/fault-proxy.ts";
import { queryRows, runSql, testDatabase } from "../../support/postgres.ts";
import { serve } from "../../support/server.ts";
import { cacheOutcome, type Following, poll, serveFollowing } from "./following.ts";

const SCHEMA = `
  create table users (id int primary key, name text, email text, born date, updated_at timestamptz default '2024-01-01', span tstzrange);
  insert into users select n, 'user ' || n, 'u' || n || '@example.org', '2000-01-01', '2024-01-01', tstzrange('2024-01-01', null) from generate_series(1, 30) n;`;

/** Statements that the server has sent. */
async function callsOf(api: Following): Promise<number> {
  return Number(/^hotpath_pool_calls_total (\d+)$/m.exec(await api.metrics())?.[1]);
}

test("what is stored answers without a statement, 304 included, and clients keep asking", async (t) => {
  const url = await testDatabase(t, { sql: SCHEMA });
  const api = await serveFollowing(t, url);
  const first = await api.warm("/users?id=eq.7");
  const before = await callsOf(api);
  const hit = await api.get("/users?id=eq.7");
  assert.equal(cacheOutcome(hit), "hit");
  assert.equal(hit.headers["cache-control"], "no-cache");
  assert.equal(hit.headers["etag"], first.headers["etag"]);
  assert.equal(hit.text, first.text);
  const unchanged = await api.get("/users?id=eq.7", { "if-none-match": String(hit.headers["etag"]) });
  assert.equal(unchanged.status, 304);
  assert.equal(unchanged.text, "");
  const head = await api.send("HEAD", "/users?id=eq.7");
  assert.equal(cacheOutcome(head), "hit");
  assert.equal(await callsOf(api), before, "no statement was sent");
  await api.change("update users set name = 'changed' where id = 7");
  const changed = await api.get("/users?id=eq.7", { "if-none-match": String(hit.headers["etag"]) });
  assert.equal(changed.status, 200);
  assert.match(changed.text, /changed/);
  // A row path says when its row was changed, from the store, too.
  const dated = await api.warm("/users/9");
  assert.equal(cacheOutcome(dated), "hit");
  assert.equal(dated.headers["last-modified"], "Mon, 01 Jan 2024 00:00:00 GMT");
});

test("replies are kept apart by all that chooses them", async (t) => {
  const url = await testDatabase(t, {
    sql: `${SCHEMA} create schema other; create table other.users (id int primary key); insert into other.users values (1)`,
  });
  const api = await serveFollowing(t, url, { postgres: { schemas: ["public", "other"] } });
  const asked: readonly Readonly<Record<string, string>>[] = [
    {},
    { accept: "text/csv" },
    { accept: "application/vnd.pgrst.object+json" },
    { prefer: "count=exact" },
    { prefer: "timezone=America/Lima" },
    { "accept-profile": "other" },
    { accept: "text/csv", prefer: "count=exact" },
    { range: "0-0" },
    { range: "0-0", prefer: "count=exact" },
  ];
  const path = "/users?id=eq.1";
  const first = [];
  for (const headers of asked) first.push(await api.get(path, headers));
  for (const [index, headers] of asked.entries()) {
    const again = await api.get(path, headers);
    assert.equal(again.text, first[index]?.text);
    assert.equal(again.status, first[index]?.status);
    assert.equal(again.headers["content-type"], first[index]?.headers["content-type"]);
    assert.equal(again.headers["content-range"], first[index]?.headers["content-range"]);
    // Ranges of rows are not stored.
    if (headers["range"] === undefined) assert.equal(cacheOutcome(again), "hit", JSON.stringify(headers));
    assert.match(String(again.headers["vary"]), /Accept, Prefer, Accept-Profile/);
  }
});

/** Reads that must not be stored, and the word for it in `Cache-Status`. */
const UNCACHED: readonly (readonly [path: string, reason: string, headers?: Readonly<Record<string, string>>])[] = [
  ["/users?select=id,shout", "function"],
  ["/users?shout=eq.A", "function"],
  ["/users?order=shout", "function"],
  ["/users?select=id,friends(name)", "function"],
  ["/guarded", "row-security"],
  ["/users?select=id,guarded(id)", "row-security"],
  ["/guarded_view", "row-security"],
  ["/unlogged", "unlogged-table"],
  ["/keyless", "no-identity"],
  ["/keyless_view", "no-identity"],
  ["/today", "view"],
  ["/mine", "view"],
  ["/setting", "view"],
  ["/drawn", "view"],
  ["/sampled", "view"],
  ["/system", "view"],
  ["/above", "view"],
  ["/nothing", "view"],
  ["/kept", "materialized-view"],
  ["/users?select=id,xmin", "system-column"],
  ["/users?ctid=eq.(0,1)", "system-column"],
  ["/users?born=lt.today", "time"],
  ["/users?born=in.(today,2020-01-01)", "time"],
  ["/users?or=(born.lt.now,id.eq.1)", "time"],
  ["/users?span=ov.[yesterday,tomorrow]", "time"],
  ["/users?select=name::timestamptz&name=eq.none", "cast"],
  ["/users", "estimate", { prefer: "count=planned" }],
  ["/users", "estimate", { prefer: "count=estimated" }],
  ["/users", "explain", { accept: "application/vnd.pgrst.plan" }],
  ["/users", "media", { accept: "text/x-names" }],
  ["/off", "off"],
];

const UNCACHED_SCHEMA = `${SCHEMA}
  create function shout(users) returns text language sql stable as $$ select upper($1.name) $$;
  create function friends(users) returns setof users language sql stable as $$ select * from users where id <> $1.id $$;
  create table guarded (id int primary key, user_id int references users);
  alter table guarded enable row level security;
  create policy all_rows on guarded using (true);
  create view guarded_view as select * from guarded;
  create unlogged table unlogged (id int primary key);
  create table keyless (n int);
  create view keyless_view as select * from keyless;
  create view today as select * from users where born < current_date;
  create view mine as select * from users where name = current_user;
  create view setting as select * from users where name = current_setting('search_path');
  create view drawn as select * from users order by random();
  create view sampled as select * from users tablesample system (50);
  create view system as select relname::text from pg_class;
  create view above as select * from today where id > 3;
  create view nothing as select 1 as one;
  create materialized view kept as select * from users;
  create table off (id int primary key);
  create domain "text/x-names" as text;
  create function add_name("text/x-names", users) returns "text/x-names" language sql as $$ select ($1 || $2.name)::"text/x-names" $$;
  create aggregate names(users) (sfunc = add_name, stype = "text/x-names", initcond = '');`;

test("what may change without a row's change, or for others, is not stored, and Cache-Status says why", async (t) => {
  const url = await testDatabase(t, { sql: UNCACHED_SCHEMA });
  const api = await serveFollowing(t, url, { postgres: { planEnabled: true, queryCache: { tables: ["off=off"] } } });
  for (const [path, reason, headers] of UNCACHED) {
    for (const round of [1, 2]) {
      const answer = await api.get(path, headers);
      assert.ok(answer.status < 300, `${path}: ${answer.status} ${answer.text}`);
      assert.equal(cacheOutcome(answer), reason, `${path} ${JSON.stringify(headers ?? {})}, round ${round}`);
    }
  }
  // Errors are not stored, nor does any of it keep others from being stored.
  assert.equal((await api.get("/users/99")).status, 404);
  assert.equal(cacheOutcome(await api.warm("/users?born=lt.2020-01-01")), "hit");
});

/** Views that stand on nothing but rows. */
const CACHED_VIEWS = `${SCHEMA}
  create table posts (id int primary key, user_id int references users, at timestamptz, tags text[], data jsonb);
  insert into posts select n, 1 + n % 30, timestamptz '2024-01-01' + n * interval '1 hour', array['a', 'b'], '{"n": 1}' from generate_series(1, 50) n;
  create function half(int) returns int language sql immutable as $$ select $1 / 2 $$;
  create schema hidden;
  create view hidden.inner_view as select u.id, u.name, count(p.id) as posts from users u left join posts p on p.user_id = u.id group by u.id;
  create view summary as select * from hidden.inner_view where posts > 0;
  create view texts as select id, concat_ws(' ', name, email) as label, id::text as key, to_char(updated_at, 'YYYY') as year, date_trunc('day', updated_at) as day from users;
  create view newest as select distinct on (user_id) * from posts order by user_id, at desc;
  create view numbered as select id, row_number() over (order by at) as place, half(id) as half, tags[1] as tag, data->>'n' as n from posts;
  create view nested as select u.id, (select json_agg(json_build_object('id', p.id) order by p.id) from posts p where p.user_id = u.id) as posts from users u;
  create view joined as with recent as (select * from posts where at > '2024-01-02') select u.name, r.id from recent r join users u on u.id = r.user_id;
  create view both_kinds as select id, name from users union all select id, tags[1] from posts;
  create view odd as select case when id > 3 then coalesce(name, 'x') end as a, greatest(id, 2) as b, nullif(id, 3) as c, id in (1, 2) as d, id is distinct from 4 as e, born between '1999-01-01' and '2001-01-01' as f from users;`;

test("views that stand on nothing but rows of tables are stored, until one of these changes", async (t) => {
  const url = await testDatabase(t, { sql: CACHED_VIEWS });
  const api = await serveFollowing(t, url);
  const views = await queryRows(url, "select viewname as name from pg_views where schemaname = 'public'");
  assert.ok(views.length >= 8);
  for (const { name } of views) assert.equal(cacheOutcome(await api.warm(`/${String(name)}`)), "hit", String(name));
  await api.change(
    "insert into posts values (100, 1, '2030-01-01', array['z'], '{}'); update users set name = 'z' where id = 1",
  );
  for (const { name } of views) {
    const after = await api.get(`/${String(name)}`);
    assert.notEqual(cacheOutcome(after), "hit", String(name));
  }
});

test("the settings make exceptions: off, for a time, and dependencies that only people know", async (t) => {
  const sql = `${SCHEMA} create table rates (id int primary key, n int); insert into rates values (1, 1);
    create materialized view top_users as select id, name from users;
    create function nick(users) returns text language sql stable as $$ select $1.name || '!' $$;`;
  const url = await testDatabase(t, { sql });
  const tables = ["rates=1h", "top_users=users", "nick=users"];
  const api = await serveFollowing(t, url, { postgres: { queryCache: { tables } } });
  const rate = await api.warm("/rates?id=eq.1");
  await api.change("update rates set n = 2; insert into users values (100, 'new')");
  assert.equal(cacheOutcome(await api.get("/rates?id=eq.1")), "hit");
  assert.equal((await api.get("/rates?id=eq.1")).text, rate.text);
  for (const path of ["/top_users?id=eq.1", "/users?id=eq.1&select=nick"]) {
    assert.equal(cacheOutcome(await api.warm(path)), "hit", path);
    await api.change("update rates set n = n + 1");
    assert.equal(cacheOutcome(await api.get(path)), "hit", path);
    await api.change("update users set name = name || 'x' where id = 1");
    assert.equal(cacheOutcome(await api.get(path)), "stored", path);
  }
});

test("calls of functions are cached where the settings say what they depend on, and only then", async (t) => {
  const sql = `${SCHEMA} create table apart (id int primary key, n int); insert into apart values (1, 1);
    create function top_users(lowest int default 1) returns setof users language sql stable as $$ select * from users where id >= lowest order by id $$;
    create function total_users() returns bigint language sql stable as $$ select count(*) from users $$;
    create function since(day date) returns bigint language sql stable as $$ select count(*) from users where day <= current_date $$;
    create function undeclared() returns bigint language sql stable as $$ select count(*) from users $$;
    create function rolled() returns bigint language sql volatile as $$ select count(*) from users $$;
    create function switched_off() returns bigint language sql stable as $$ select count(*) from users $$;
    create function lucky() returns int language sql stable as $$ select (random() * 1e9)::int $$;
    create function chosen() returns int language plpgsql stable as $$ begin
      perform set_config('response.headers', '[{"x-chosen": "yes"}]', true); return 1; end $$;`;
  const url = await testDatabase(t, { sql });
  const tables = ["top_users=users", "public.total_users=users", "since=users", "rolled=users", "switched_off=off"];
  tables.push("lucky=1h", "chosen=users");
  const api = await serveFollowing(t, url, { postgres: { queryCache: { tables } } });
  for (const path of ["/rpc/top_users", "/rpc/top_users?lowest=2&select=id,name&id=lt.9", "/rpc/total_users"]) {
    await api.cached(path);
    await api.change("update apart set n = n + 1");
    await api.cached(path);
    const before = await api.get(path);
    await api.change(
      "insert into users select max(id) + 1, 'called' from users; update users set name = 'x' || name where id < 9",
    );
    const after = await api.get(path);
    assert.notEqual(after.text, before.text, path);
    assert.equal(after.text, (await api.get(path, { "cache-control": "no-cache" })).text, path);
    await api.cached(path);
    const validated = await api.get(path, { "if-none-match": String((await api.get(path)).headers["etag"]) });
    assert.equal(validated.status, 304);
  }
  const lucky = await api.warm("/rpc/lucky");
  assert.equal((await api.get("/rpc/lucky")).text, lucky.text);
  await api.cached("/rpc/since?day=2020-01-01");
  for (const [path, reason] of [
    ["/rpc/undeclared", "function"],
    ["/rpc/rolled", "volatile"],
    ["/rpc/switched_off", "off"],
    ["/rpc/since?day=today", "time"],
    ["/rpc/chosen", "settings"],
  ] as const) {
    assert.equal(cacheOutcome(await api.warm(path)), reason, path);
  }
  // A POST is carried out each time.
  const post = await api.send("POST", "/rpc/lucky", { "content-type": "application/json" }, "{}");
  assert.notEqual(post.text, lucky.text);
});

test("changed structures and rights are noticed without being told", async (t) => {
  const url = await testDatabase(t, {
    sql: `${SCHEMA} create table secret (id int primary key); insert into secret values (1)`,
  });
  const api = await serveFollowing(t, url, { postgres: { reloadChannel: null } });
  assert.equal(cacheOutcome(await api.warm("/users?id=eq.1")), "hit");
  await runSql(url, "alter table users drop column email");
  await poll(
    async () => !(await api.get("/users?id=eq.1")).text.includes("email"),
    "the dropped column is still answered",
  );
  // What was stored goes when the structure has changed, which may be now.
  await poll(async () => cacheOutcome(await api.get("/secret")) === "hit", "nothing is cached any more");
  await runSql(url, "alter table secret enable row level security");
  await poll(async () => cacheOutcome(await api.get("/secret")) === "row-security", "the policy does not count");
  await runSql(url, "create table fresh (id int primary key); insert into fresh values (1)");
  await poll(async () => (await api.get("/fresh")).status === 200, "the new table is not served");
  await poll(async () => cacheOutcome(await api.get("/fresh")) === "hit", "the new table is not cached");
  await api.change("insert into fresh values (2)");
  assert.equal((await api.get("/fresh")).text, '[{"id":1}, \n {"id":2}]');
});

test("nothing is cached, and no field says so, where the cache or the following is switched off", async (t) => {
  const url = await testDatabase(t, { sql: SCHEMA });
  const off = [
    await serve(t, url, { postgres: { queryCache: { enabled: false } } }),
    await serve(t, url, { postgres: { changes: { follow: "none" } } }),
    await serve(t, url, { server: { cache: { enabled: false } } }),
  ];
  for (const api of off) {
    for (let round = 0; round < 3; round++)
      assert.equal((await api.get("/users?id=eq.1")).headers["cache-status"], undefined);
  }
  // Unless a time is given, after which nobody expects the newest.
  const timed = await serve(t, url, { postgres: { changes: { follow: "none" }, queryCache: { ttl: "1h" } } });
  await poll(async () => cacheOutcome(await timed.get("/users?id=eq.1")) === "hit", "nothing is cached for a time");
  const rows = await queryRows(url, "select * from pg_publication");
  assert.equal(rows.length, 0);
});

test("while a write of ours is late in the log nothing stored is given, and afterwards only what it changed has gone", async (t) => {
  const url = await testDatabase(t, { sql: SCHEMA });
  const proxy = await startFaultProxy(t, Number(new URL(url).port));
  const api = await serveFollowing(t, url, { postgres: { changes: { url: through(url, proxy) } } });
  await api.cached("/users/1");
  await api.cached("/users/2");
  proxy.isBlackHole = true;
  const written = await api.send("PATCH", "/users/1", JSON_CONTENT, `{"name":"late"}`);
  assert.equal(written.status, 204, written.text);
  const [changed, other] = [await api.get("/users/1"), await api.get("/users/2")];
  assert.equal((JSON.parse(changed.text) as { name: string }).name, "late");
  assert.equal(cacheOutcome(changed), "passed");
  assert.equal(cacheOutcome(other), "passed");
  proxy.heal();
  let again = other;
  await poll(async () => {
    again = await api.get("/users/2");
    return cacheOutcome(again) !== "passed";
  }, "the cache is never used again");
  assert.equal(cacheOutcome(again), "hit");
  await api.cached("/users/1");
  assert.match((await api.get("/users/1")).text, /late/);
});

test("writes of ours take away what they changed before they are answered, those of handlers and those without effect too", async (t) => {
  const url = await testDatabase(t, { sql: SCHEMA });
  const api = await serveFollowing(t, url);
  await api.cached("/users/3");
  for (let n = 0; n < 20; n++) {
    await api.cached("/users/4");
    const [written, nothing] = await Promise.all([
      api.send("PATCH", "/users?id=eq.4", JSON_CONTENT, JSON.stringify({ name: `name ${n}` })),
      api.send("PATCH", "/users?id=eq.-1", JSON_CONTENT, `{"name":"nobody"}`),
    ]);
    assert.deepEqual([written.status, nothing.status], [204, 204]);
    assert.match((await api.get("/users/4")).text, new RegExp(`name ${n}"`));
  }
  assert.equal(cacheOutcome(await api.get("/users/3")), "hit");
});

const JSON_CONTENT = { "content-type": "application/json" };
