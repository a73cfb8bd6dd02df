import assert from "node:assert/strict";
import { test } from "node:test";
import { resolvePostgresSettings, resolveServerSettings } from "../../src/api/options.ts";
import type { PostgrestOptions } from "../../src/api/postgres-option-types.ts";
import { createPostgresSource } from "../../src/postgres/source.ts";
import { startServer } from "../../src/server/start.ts";
import { defer, type TestScope } from "../support/defer.ts";
import { testDatabase } from "../support/postgres.ts";
import { collect, type LogLine } from "../server/listener/harness.ts";

const SCHEMA = `create table users (id int primary key, name text check (name <> 'secret'));
  create table orders (id int primary key, user_id int references users);
  insert into users values (1, 'Ada');
  create view broken as select 1 / (id - 1) as ratio from users;`;

async function serveLogged(t: TestScope, options: PostgrestOptions): Promise<{ url: string; lines: LogLine[] }> {
  const lines: LogLine[] = [];
  const source = createPostgresSource(
    resolvePostgresSettings(await testDatabase(t, { sql: SCHEMA }), { argument: options }),
  );
  const settings = resolveServerSettings({ argument: { server: { port: 0 }, admin: { enabled: false } } });
  const server = await startServer({ server: settings, sources: [{ path: "/", source }] }, collect(lines));
  defer(t, () => server.close());
  return { url: server.url, lines };
}

test("statements of failed requests are logged as they are asked for, without values", async (t) => {
  const { url, lines } = await serveLogged(t, { logQueries: "errors" });
  assert.equal((await fetch(`${url}/users?name=eq.hunter2`)).status, 200);
  assert.equal((await fetch(`${url}/broken?ratio=neq.4242`)).status, 400);
  const told = lines.filter(({ message }) => message === "queries").map(({ details }) => JSON.stringify(details));
  assert.equal(told.length, 1);
  assert.match(told[0]!, /"path":"\/broken","status":400,"queries":\[".*broken/);
  assert.doesNotMatch(JSON.stringify(lines), /4242|hunter2/);
});

test("minimal errors tell their code and message alone", async (t) => {
  const { url } = await serveLogged(t, { errorVerbosity: "minimal" });
  const unknown = await fetch(`${url}/userz`);
  assert.equal(unknown.status, 404);
  assert.deepEqual(await unknown.json(), {
    code: "PGRST205",
    message: "Could not find the table 'public.userz' in the schema cache",
  });
});

test("an embedded relation with an alias is addressed by its own name only where that is allowed", async (t) => {
  const query = "select=id,buyer:users(name)&users.name=eq.Ada";
  const lenient = await serveLogged(t, {});
  assert.equal((await fetch(`${lenient.url}/orders?${query}`)).status, 200);
  const strict = await serveLogged(t, { legacyTargetNames: false });
  const refused = await fetch(`${strict.url}/orders?${query}`);
  assert.deepEqual([refused.status, ((await refused.json()) as { code: string }).code], [400, "PGRST108"]);
  assert.equal((await fetch(`${strict.url}/orders?${query.replace("users.name", "buyer.name")}`)).status, 200);
});
