import assert from "node:assert/strict";
import { test } from "node:test";
import { Client } from "pg";
import { defer } from "../support/defer.ts";
import { queryRows, testDatabase } from "../support/postgres.ts";
import { serve } from "../support/server.ts";
import { until } from "./pool/fixture.ts";

const SCHEMA = `
  create table teams (id int primary key, name text);
  create table users (id int primary key, name text, note text, n int default 0, team_id int references teams, updated_at timestamptz default now());
  create view user_names as select id, name from users;
  create table pairs (a int, b text, n int, primary key (a, b));
  insert into teams values (1, 'red');
  insert into users (id, name, note, team_id) select id, 'User ' || id, repeat('so ein Text ', 500), 1 from generate_series(1, 9) id;
  insert into pairs values (1, 'x', 0);`;

test("a write can demand that nobody has changed the row", async (t) => {
  const url = await testDatabase(t, { sql: SCHEMA });
  const api = await serve(t, url);
  const tagOf = async (path: string, headers = {}): Promise<string> =>
    String((await api.get(path, headers)).headers.etag);
  const row = async (id: number): Promise<unknown> =>
    (await queryRows(url, "select name from users where id = $1", [id]))[0]?.["name"];

  await t.test("as it was read, in whatever form and coding", async () => {
    let round = 0;
    for (const [path, headers] of [
      ["/users/1", {}],
      ["/users/1", { "accept-encoding": "gzip" }],
      ["/users/1", { "accept-encoding": "br" }],
      ["/users/1", { "accept-encoding": "zstd" }],
      ["/users/1?select=id,name,teams(name)", {}],
      ["/users?id=eq.1", {}],
      ["/users?id=eq.1", { prefer: "count=exact" }],
      ["/users?id=eq.1", { accept: "application/vnd.pgrst.object+json" }],
      ["/users?id=eq.1&order=id&limit=1", {}],
      ["/users?id=eq.1&select=name", { "accept-encoding": "gzip" }],
      ["/user_names/1", {}],
    ] as const) {
      const tag = await tagOf(path, headers);
      const name = `round ${++round}`;
      const content = JSON.stringify({ name });
      assert.equal((await api.send("PATCH", path, { "if-match": tag }, content)).status, 204, `${path} ${tag}`);
      assert.equal(await row(1), name);
      const late = await api.send("PATCH", path, { "if-match": tag }, '{"name":"late"}');
      assert.deepEqual(
        [late.status, (JSON.parse(late.text) as { code: string }).code],
        [412, "HP_PRECONDITION_FAILED"],
      );
      assert.equal(late.headers.etag, await tagOf(path));
      assert.equal(await row(1), name);
    }
  });

  await t.test("and is told the new tag, so that it need not be read again", async () => {
    let tag = await tagOf("/users/2");
    for (const n of [1, 2, 3]) {
      const answer = await api.send("PATCH", "/users/2", { "if-match": tag }, `{"n":${n}}`);
      assert.equal(answer.status, 204);
      tag = String(answer.headers.etag);
      assert.equal(tag, await tagOf("/users/2"));
    }
    const full = await api.send(
      "PUT",
      "/users/2",
      { "if-match": `"other", ${tag}`, prefer: "return=representation" },
      '{"name":"put","n":4}',
    );
    assert.deepEqual([full.status, full.headers.etag], [200, await tagOf("/users/2")]);
  });

  await t.test("before it is deleted or replaced, or made if it is not there", async () => {
    assert.equal((await api.send("DELETE", "/users/3", { "if-match": '"no"' })).status, 412);
    assert.equal((await api.send("DELETE", "/users/3", { "if-match": "*" })).status, 204);
    assert.equal((await api.send("DELETE", "/users/3", { "if-match": "*" })).status, 412);
    const make = { "if-none-match": "*", prefer: "return=representation" };
    assert.equal((await api.send("PUT", "/users/3", make, '{"name":"made"}')).status, 201);
    assert.equal((await api.send("PUT", "/users/3", make, '{"name":"again"}')).status, 412);
    assert.equal(
      (await api.send("PUT", "/pairs?a=eq.1&b=eq.x", { "if-none-match": "*" }, '{"a":1,"b":"x","n":1}')).status,
      412,
    );
    assert.equal(
      (await api.send("PUT", "/pairs/1,x", { "if-match": await tagOf("/pairs/1,x") }, '{"n":1}')).status,
      204,
    );
    assert.equal(await row(3), "made");
  });

  await t.test("by its time", async () => {
    const { "last-modified": modified } = (await api.get("/users/4")).headers;
    assert.equal(
      (await api.send("PATCH", "/users/4", { "if-unmodified-since": "Mon, 01 Jan 2024 00:00:00 GMT" }, '{"n":1}'))
        .status,
      412,
    );
    assert.equal(
      (await api.send("PATCH", "/users/4", { "if-unmodified-since": String(modified) }, '{"n":1}')).status,
      204,
    );
  });

  await t.test("and of those who write at one time one wins", async () => {
    const tag = await tagOf("/users/5");
    const write = async (n: number): Promise<number> =>
      (await api.send("PATCH", "/users/5", { "if-match": tag }, `{"n":${n}}`)).status;
    const statuses = await Promise.all(Array.from({ length: 12 }, (_, n) => write(n + 1)));
    assert.deepEqual(
      statuses.sort((one, other) => one - other),
      [204, ...Array.from({ length: 11 }, () => 412)],
    );
    const makers = await Promise.all(
      Array.from(
        { length: 8 },
        async (_, n) => (await api.send("PUT", "/teams/7", { "if-none-match": "*" }, `{"name":"${n}"}`)).status,
      ),
    );
    assert.deepEqual(
      makers.sort((one, other) => one - other),
      [204, ...Array.from({ length: 7 }, () => 412)],
    );
  });

  await t.test("also when the other's change is committed only while it waits", async () => {
    const other = new Client({ connectionString: url });
    await other.connect();
    defer(t, () => other.end());
    const tag = await tagOf("/users/6");
    await other.query("begin; update users set name = 'theirs' where id = 6");
    const waiting = api.send("PATCH", "/users/6", { "if-match": tag }, '{"name":"mine"}');
    const blocked = "select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
    await until(async () => (await queryRows(url, blocked)).length > 0, "it waits");
    await other.query("commit");
    assert.equal((await waiting).status, 412);
    assert.equal(await row(6), "theirs");
  });

  await t.test("but not of several rows, and not where PostgREST is to be replaced", async () => {
    for (const [method, path] of [
      ["PATCH", "/users?n=eq.0"],
      ["DELETE", "/users"],
      ["POST", "/users"],
    ] as const) {
      const answer = await api.send(method, path, { "if-match": "*" }, '{"n":1}');
      assert.deepEqual([answer.status, (JSON.parse(answer.text) as { code: string }).code], [400, "HP_BAD_REQUEST"]);
    }
    const plain = await serve(t, url, { postgres: { conditionalWrites: false } });
    assert.equal((await plain.send("PATCH", "/users?id=eq.7", { "if-match": '"no"' }, '{"n":1}')).status, 204);
  });
});
