// Behind PgBouncer, which gives each transaction another connection: what is set for one must not be seen by the next.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startPgBouncer } from "../../support/pgbouncer.ts";
import { queryRows, testDatabase } from "../../support/postgres.ts";
import { serve } from "../../support/server.ts";
import { cacheOutcome, serveFollowing } from "../changes/following.ts";

const SCHEMA = `
  create schema shop;
  create table shop.item (id int primary key, name text not null);
  insert into shop.item select n, 'item ' || n from generate_series(1, 50) n;
  create function shop.setting_of(name text) returns text language sql stable as $$ select current_setting(name, true) $$;
  create function shop.add_item(id int, name text) returns setof shop.item language plpgsql as $$ begin return query insert into item values ($1, $2) returning *; end $$;
  create function shop.slow() returns int language sql stable as $$ select 1 from pg_sleep(60) $$;`;
const JSON_CONTENT = { "content-type": "application/json" };
const CLIENTS = 40;

for (const mode of ["transaction", "session"]) {
  for (const anonRole of [null, "postgres"]) {
    test(`reads and writes go through a pooler of ${mode}s${anonRole === null ? "" : ", under a role"}`, async (t) => {
      const url = await testDatabase(t, { sql: SCHEMA });
      const pooled = await startPgBouncer(t, url, { pool_mode: mode });
      if (pooled === undefined) return;
      const api = await serve(t, pooled, {
        postgres: {
          schemas: ["shop"],
          pool: { max: 4, statementTimeout: "1s" },
          anonRole,
          changes: { url },
          reloadChannel: "reload",
        },
      });
      const client = async (n: number): Promise<void> => {
        const id = 1 + (n % 50);
        for (const path of [`/item/${id}`, `/item?id=eq.${id}`, `/item?id=in.(${id},0)&order=name`]) {
          const answer = await api.get(path);
          assert.equal(answer.status, 200, `${path}: ${answer.text}`);
          assert.match(answer.text, new RegExp(`"id": ?${id},.*item ${id}"`));
        }
        const path = n % 2 === 0 ? "/item" : "/rpc/add_item";
        const written = await api.send("POST", path, JSON_CONTENT, JSON.stringify({ id: 100 + n, name: `new ${n}` }));
        assert.ok(written.status < 300, written.text);
        for (const [name, value] of [
          ["transaction_read_only", "on"],
          ["statement_timeout", "1s"],
        ]) {
          assert.equal((await api.get(`/rpc/setting_of?name=${name}`)).text, JSON.stringify(value));
        }
      };
      await Promise.all(Array.from({ length: CLIENTS }, (_, n) => client(n)));
      assert.deepEqual(await queryRows(url, "select count(*)::int from shop.item where id >= 100"), [
        { count: CLIENTS },
      ]);
      assert.match((await api.get("/rpc/slow")).text, /"57014"/);
      // Nothing of it stays with the pooler's connections. One of sessions has none left.
      if (mode === "session") return;
      const [row] = await queryRows(
        pooled,
        "select current_setting('search_path') as path, current_setting('statement_timeout') as timeout",
      );
      assert.deepEqual(row, { path: '"$user", public', timeout: "0" });
    });
  }
}

test("behind a pooler changes are followed, and notifications heard, where the database itself is named", async (t) => {
  const url = await testDatabase(t, { sql: SCHEMA.replaceAll("shop.", "public.") });
  const pooled = await startPgBouncer(t, url);
  if (pooled === undefined) return;
  const api = await serveFollowing(t, url, {
    served: pooled,
    postgres: { changes: { url }, reloadChannel: "reload" },
  });
  await api.cached("/item/3");
  const written = await api.send("PATCH", "/item/3", JSON_CONTENT, `{"name":"ours"}`);
  assert.equal(written.status, 204, written.text);
  assert.match((await api.get("/item/3")).text, /ours/);
  await api.cached("/item/3");
  await api.change("update item set name = 'theirs' where id = 3");
  const changed = await api.get("/item/3");
  assert.match(changed.text, /theirs/);
  assert.notEqual(cacheOutcome(changed), "passed");
});
