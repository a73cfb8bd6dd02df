import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { type TestContext, test } from "node:test";
import type { PostgresOptions } from "../../../src/api/postgres-option-types.ts";
import { defer } from "../../support/defer.ts";
import { runSql, testDatabase } from "../../support/postgres.ts";
import { type ServedApi, serve } from "../../support/server.ts";
import { savedStatements, splitStatements } from "./saved.ts";

/** Rows of three tenants, shown by a policy to whom the header `x-tenant` names. */
const TENANTS = `
  create table notes (id int primary key, tenant text, label text);
  insert into notes select n, 't' || n % 3, 'note ' || n from generate_series(1, 90) n;
  alter table notes enable row level security;
  create policy own on notes using (tenant = current_setting('request.headers', true)::json->>'x-tenant');
  create function mark(id int) returns text language plpgsql volatile as $$
  begin
    if id % 2 = 0 then
      perform set_config('response.headers', json_build_array(json_build_object('x-mark', id::text))::text, true);
    end if;
    return 'marked ' || id;
  end $$;
  create view marked with (security_invoker) as select id, mark(id) as mark from generate_series(1, 90) id;`;

/** A server where what arrives together waits together. */
async function crowded(t: TestContext, url: string, options: PostgresOptions = {}): Promise<ServedApi> {
  return serve(t, url, { postgres: { ...options, pool: { max: 1, maxPipelineDepth: 1 } } });
}

async function withRole(t: TestContext): Promise<{ url: string; role: string }> {
  const url = await testDatabase(t, { sql: TENANTS });
  const role = `reader_${randomBytes(6).toString("hex")}`;
  await runSql(url, `create role ${role}; grant select on notes, marked to ${role}`);
  defer(t, () => runSql(url, `drop owned by ${role}; drop role ${role}`));
  return { url, role };
}

test("reads share statements only with those who see the same", async (t) => {
  const { url, role } = await withRole(t);
  const api = await crowded(t, url, { anonRole: role });
  for (let round = 0; round < 12; round++) {
    const asked = Array.from({ length: 30 }, (_, index) => ({
      id: 1 + ((round * 30 + index) % 90),
      tenant: index % 4,
    }));
    const answers = await Promise.all(
      asked.map(({ id, tenant }) => api.json(`/notes?id=eq.${id}&select=label`, { "x-tenant": `t${tenant}` })),
    );
    for (const [index, { id, tenant }] of asked.entries()) {
      assert.deepEqual(answers[index], id % 3 === tenant ? [{ label: `note ${id}` }] : [], `${id} for ${tenant}`);
    }
  }
  assert.ok((await savedStatements(api, "merged")) > 20);
});

test("a reply's own headers and status are never another's", async (t) => {
  const { url, role } = await withRole(t);
  const api = await crowded(t, url, { anonRole: role });
  for (const parity of [1, 0]) {
    for (let round = 0; round < 6; round++) {
      const ids = Array.from({ length: 24 }, (_, index) => 2 * (index + 1) - parity);
      const answers = await Promise.all(ids.map((id) => api.get(`/marked?id=eq.${id}`)));
      for (const [index, { text, headers }] of answers.entries()) {
        const id = ids[index]!;
        assert.equal(text, `[{"id":${id},"mark":"marked ${id}"}]`);
        assert.equal(headers["x-mark"], id % 2 === 0 ? String(id) : undefined);
      }
    }
  }
  assert.ok((await savedStatements(api, "merged")) > 20);
  assert.equal(await splitStatements(api, "settings"), 1);
});

test("with a function before each request, or switched off, each read has a statement of its own", async (t) => {
  const url = await testDatabase(t, {
    sql: `${TENANTS}; alter table notes disable row level security; create function before() returns void language sql as ''`,
  });
  for (const options of [{ preRequest: "before" }, { pool: { max: 1, maxBatch: 1 } }]) {
    const api = await serve(t, url, { postgres: options });
    for (let round = 0; round < 4; round++) {
      const ids = Array.from({ length: 24 }, (_, index) => 1 + (index % 12));
      const answers = await Promise.all(ids.map((id) => api.json(`/notes?id=eq.${id}&select=id`)));
      assert.deepEqual(
        answers,
        ids.map((id) => [{ id }]),
      );
    }
    assert.equal((await savedStatements(api, "merged")) + (await savedStatements(api, "equal")), 0);
  }
});
