import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { HotpathError } from "../../../src/errors.ts";
import { readCatalog } from "../../../src/postgres/catalog/read-catalog.ts";
import { snapshotSql } from "../../../src/postgres/catalog/snapshot.ts";
import { runSql, testDatabase } from "../../support/postgres.ts";
import { readFrom, relationOf, withQuery } from "./read-from.ts";

/** Statements that PostgreSQL thinks cost more are compiled first (`jit_above_cost`). */
const JIT_ABOVE_COST = 100_000;

test("a schema that does not exist is named, with those that do", async (t) => {
  const url = await testDatabase(t, { sql: 'create schema "my ""shop"; create schema b' });
  await assert.rejects(readFrom(url, { schemas: ["b", "shop", "B"] }), (error) => {
    assert.ok(error instanceof HotpathError);
    assert.equal(error.code, "HP_SCHEMA_UNKNOWN");
    assert.equal(error.message, 'Schemas "shop", "B" not found in the database. It has "b", "my \\"shop", "public".');
    return true;
  });
});

test("schemas are served in the order asked for, each once", async (t) => {
  const url = await testDatabase(t, { sql: 'create schema "my ""shop"; create schema a; create table a.x ()' });
  const catalog = await readFrom(url, { schemas: ["public", 'my "shop', "a", "public"] });
  assert.deepEqual(catalog.schemas, ["public", 'my "shop', "a"]);
  assert.deepEqual([...catalog.relations.keys()], ["public", 'my "shop', "a"]);
  assert.equal(catalog.relations.get("a")?.has("x"), true);
});

test("a schema must be usable by the user or by a role it may switch to", async (t) => {
  const suffix = randomBytes(5).toString("hex");
  const login = `login_${suffix}`;
  const anonymous = `anon_${suffix}`;
  const url = await testDatabase(t, { sql: 'create schema "s ""1"' });
  const read = () =>
    withQuery(url, async (query) => {
      await query(`set role ${login}`, []);
      return readCatalog(query, { schemas: ['s "1'], extraSearchPath: [] });
    });
  await withRoles(url, [login, anonymous], async () => {
    await assert.rejects(read(), (error) => {
      assert.ok(error instanceof HotpathError);
      assert.equal(error.code, "HP_SCHEMA_UNKNOWN");
      assert.match(error.message, /lacks USAGE on "s \\"1"/);
      assert.match(error.todo, /grant usage on schema "s ""1" to/);
      return true;
    });
    await runSql(url, `grant usage on schema "s ""1" to ${anonymous}`);
    await assert.rejects(read(), { code: "HP_SCHEMA_UNKNOWN" });
    await runSql(url, `grant ${anonymous} to ${login}`);
    assert.equal((await read()).relations.get('s "1')?.size, 0);
  });
});

test("the search path of the connection changes nothing, and is left as it was", async (t) => {
  const sql = "create type mood as enum ('a'); create table x (id serial primary key, mood mood default 'a')";
  const url = await testDatabase(t, { sql });
  await withQuery(url, async (query) => {
    const settings = { schemas: ["public"], extraSearchPath: [] };
    const first = await readCatalog(query, settings);
    await query("set search_path = 'pg_temp', 'public', 'pg_catalog'", []);
    const second = await readCatalog(query, settings);
    assert.equal(first.version, second.version);
    assert.equal(relationOf(second, "x").columns.get("mood")?.default, "'a'::public.mood");
    assert.deepEqual(await query("show search_path", []), [["pg_temp, public, pg_catalog"]]);
  });
});

test("the version is the same until something that the catalog holds changes", async (t) => {
  const url = await testDatabase(t, { sql: "create table x (id int primary key, y int)" });
  const version = async () => (await readFrom(url)).version;
  let last = await version();
  await runSql(url, "insert into x values (1, 2); create schema other; create table other.z ()");
  assert.equal(await version(), last);
  for (const change of [
    "comment on table x is 'x'",
    "alter table x alter y set default 7",
    "alter table x add unique (y)",
    "create view v as select y as id, id as y from x",
    "create or replace view v as select id, y from x",
    "create function f() returns int language sql as 'select 1'",
    "alter function f() set statement_timeout = 1",
    "drop table x cascade; create table x (id int primary key, y int)",
  ]) {
    await runSql(url, change);
    const now = await version();
    assert.notEqual(now, last, change);
    last = now;
  }
});

test("time zones are read once, when asked for; a failure is not kept", async (t) => {
  const url = await testDatabase(t);
  await withQuery(url, async (query) => {
    let reads = 0;
    const counted: typeof query = async (text, values) => {
      if (text.includes("pg_timezone_names") && ++reads === 1) throw new Error("connection lost");
      return query(text, values);
    };
    const { timezones } = await readCatalog(counted, { schemas: ["public"], extraSearchPath: [] });
    assert.equal(reads, 0);
    await assert.rejects(timezones(), /connection lost/);
    const [names, again] = await Promise.all([timezones(), timezones()]);
    assert.equal(reads, 2);
    assert.equal(names, again);
    assert.equal(names.has("America/Los_Angeles"), true);
    assert.equal(names.has("america/los_angeles"), false);
    assert.equal(names.has("Invalid/Timezone"), false);
  });
});

test("500 tables are read whole, by a statement too cheap to be compiled", async (t) => {
  const url = await testDatabase(t, { sql: fiveHundredTables });
  const catalog = await readFrom(url);
  const relations = [...(catalog.relations.get("public")?.values() ?? [])];
  assert.equal(relations.length, 500);
  assert.ok(relations.every(({ columns, primaryKey }) => columns.size === 20 && primaryKey[0] === "id"));
  assert.equal([...catalog.relationships.values()].flat().length, 2 * 499);
  await withQuery(url, async (query) => {
    const [plan] = await query(`explain (format json) ${snapshotSql}`, ['["public"]', "[]"]);
    const [root] = JSON.parse(plan?.[0] ?? "[]") as readonly [{ readonly Plan: { readonly "Total Cost": number } }];
    assert.ok(root.Plan["Total Cost"] < JIT_ABOVE_COST, `cost ${root.Plan["Total Cost"]}`);
  });
});

test("a role without rights on the relations reads the same catalog", async (t) => {
  const role = `bare_${randomBytes(5).toString("hex")}`;
  const sql = `create table x (id int generated by default as identity primary key, y text default 'a');
    create view v as select * from x; revoke all on x from public`;
  const url = await testDatabase(t, { sql });
  await withRoles(url, [role], async () => {
    const bare = await withQuery(url, async (query) => {
      await query(`set role ${role}`, []);
      return readCatalog(query, { schemas: ["public"], extraSearchPath: [] });
    });
    assert.equal(bare.version, (await readFrom(url)).version);
  });
});

/** Runs a test with roles of these names; they belong to the cluster and would outlive the test's database. */
async function withRoles<T>(url: string, names: readonly string[], use: () => Promise<T>): Promise<T> {
  await runSql(url, names.map((name) => `create role ${name} noinherit`).join(";"));
  try {
    return await use();
  } finally {
    await runSql(url, `drop owned by ${names.join(", ")}; drop role ${names.join(", ")}`);
  }
}

const fiveHundredTables = `
do $$ begin
  for i in 1..500 loop
    execute format(
      'create table t%s (id int primary key, %s, up int %s)', i,
      (select string_agg(format('c%s varchar(20) default %L', c, 'x'), ', ') from generate_series(1, 18) as c),
      case when i > 1 then format('references t%s', (i * 7) % (i - 1) + 1) else '' end
    );
  end loop;
end $$`;
