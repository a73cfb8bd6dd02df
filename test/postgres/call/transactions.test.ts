import assert from "node:assert/strict";
import { test } from "node:test";
import { queryRows, testDatabase } from "../../support/postgres.ts";
import { type Answer, serve } from "../../support/server.ts";

const SCHEMA = `
  create table log (id int generated always as identity, line text);
  create function add(line text) returns int language sql volatile as 'insert into log (line) values (line) returning 1';
  create function add_two(line text) returns setof log language sql volatile as 'insert into log (line) values (line), (line) returning *';
  create function fails(line text) returns int language plpgsql volatile as
    $$ begin insert into log (line) values (line); raise exception 'no' using hint = 'never'; end $$;
  create function lies(line text) returns int language plpgsql stable as $$ begin return add(line); end $$;
  create function mode() returns text language sql stable as $$ select current_setting('transaction_read_only') $$;
  create function mode_volatile() returns text language sql volatile as $$ select current_setting('transaction_read_only') $$;`;

const codeOf = ({ text }: Answer): unknown => (JSON.parse(text) as { code?: unknown }).code;

test("what a function may do follows from the method and its volatility", async (t) => {
  const url = await testDatabase(t, { sql: SCHEMA });
  const api = await serve(t, url, { postgres: { planEnabled: true } });
  const lines = async (): Promise<unknown[]> =>
    (await queryRows(url, "select line from log order by id")).map(({ line }) => line);

  assert.equal((await api.send("POST", "/rpc/add", {}, '{"line": "posted"}')).text, "1");
  assert.deepEqual(await lines(), ["posted"]);
  for (const method of ["GET", "HEAD"]) assert.equal((await api.send(method, "/rpc/add?line=got")).status, 405);
  const lied = await api.send("POST", "/rpc/lies", {}, '{"line": "lied"}');
  assert.deepEqual([lied.status, codeOf(lied)], [405, "25006"]);
  assert.equal(await api.json("/rpc/mode"), "on");
  assert.equal(await api.json("/rpc/mode_volatile"), "on");
  assert.equal((await api.send("POST", "/rpc/mode", {}, "{}")).text, '"on"');
  assert.equal((await api.send("POST", "/rpc/mode_volatile", {}, "{}")).text, '"off"');
  assert.deepEqual(await lines(), ["posted"]);

  const plan = { accept: "application/vnd.pgrst.plan" };
  const planned = await api.send("POST", "/rpc/add", plan, '{"line": "planned"}');
  assert.match(planned.text, /^Aggregate[^]*cost/);
  assert.deepEqual(await lines(), ["posted"]);

  // What fails leaves nothing behind, whether the database finds it or we do.
  const failed = await api.send("POST", "/rpc/fails", {}, '{"line": "failed"}');
  assert.deepEqual(
    [failed.status, JSON.parse(failed.text)],
    [400, { code: "P0001", message: "no", details: null, hint: "never" }],
  );
  const object = { accept: "application/vnd.pgrst.object+json" };
  const many = await api.send("POST", "/rpc/add_two", object, '{"line": "two"}');
  assert.deepEqual([many.status, codeOf(many)], [406, "PGRST116"]);
  const limited = { prefer: "handling=strict, max-affected=1" };
  const over = await api.send("POST", "/rpc/add_two", limited, '{"line": "two"}');
  assert.deepEqual([over.status, codeOf(over)], [400, "PGRST124"]);
  const single = await api.send("POST", "/rpc/add", limited, '{"line": "one"}');
  assert.deepEqual([single.status, codeOf(single)], [400, "PGRST128"]);
  assert.deepEqual(await lines(), ["posted"]);
  const within = await api.send(
    "POST",
    "/rpc/add_two?select=line",
    { prefer: "handling=strict, max-affected=2" },
    '{"line": "x"}',
  );
  assert.deepEqual([within.status, within.headers["preference-applied"]], [200, "handling=strict, max-affected=2"]);
  assert.deepEqual(await lines(), ["posted", "x", "x"]);
});

test("transactions end as the options and the request say", async (t) => {
  const url = await testDatabase(t, { sql: SCHEMA });
  const count = async (): Promise<unknown> => (await queryRows(url, "select count(*)::int as n from log"))[0]?.["n"];
  const rollback = await serve(t, url, { postgres: { txEnd: "rollback" } });
  assert.equal((await rollback.send("POST", "/rpc/add", { prefer: "tx=commit" }, '{"line": "a"}')).text, "1");
  assert.equal(await count(), 0);
  const either = await serve(t, url, { postgres: { txEnd: "commit-allow-override" } });
  const undone = await either.send("POST", "/rpc/add", { prefer: "tx=rollback" }, '{"line": "b"}');
  assert.deepEqual([undone.text, undone.headers["preference-applied"]], ["1", "tx=rollback"]);
  assert.equal(await count(), 0);
  await either.send("POST", "/rpc/add", {}, '{"line": "c"}');
  assert.equal(await count(), 1);
});

test("a function's own settings hold for its whole transaction", async (t) => {
  const url = await testDatabase(t, {
    sql: `
      create function slow() returns void language sql stable set statement_timeout = '60ms' as 'select pg_sleep(20)';
      create function settings() returns json language sql stable
        set default_transaction_isolation = 'serializable' set work_mem = '5MB' set "my.own" = 'x, "y"' as
        $$ select json_build_object('isolation', current_setting('transaction_isolation'), 'timeout', current_setting('statement_timeout')) $$;
      create function writes() returns text language sql volatile set default_transaction_isolation = 'REPEATABLE READ' as
        $$ select current_setting('transaction_isolation') $$;
      create function plain() returns text language sql stable as
        $$ select concat_ws('|', current_setting('transaction_isolation'), current_setting('my.own', true)) $$;`,
  });
  const api = await serve(t, url, { postgres: { pool: { max: 1 } } });
  const slow = await api.get("/rpc/slow");
  assert.deepEqual([slow.status, codeOf(slow)], [500, "57014"]);
  assert.deepEqual(await api.json("/rpc/settings"), { isolation: "serializable", timeout: "30s" });
  assert.equal((await api.send("POST", "/rpc/writes", {}, "{}")).text, '"repeatable read"');
  assert.equal(await api.json("/rpc/plain"), "read committed|");
  const chosen = await serve(t, url, { postgres: { hoistedSettings: [] } });
  assert.deepEqual(((await chosen.json("/rpc/settings")) as { isolation: string }).isolation, "read committed");
});

test("a function chooses status and header fields of its reply, and may answer the root", async (t) => {
  const url = await testDatabase(t, {
    sql: `
      create function teapot(status text, headers text) returns json language sql stable as
        $$ select set_config('response.status', status, true), set_config('response.headers', headers, true); select '{"a": 1}'::json $$;
      create function home() returns json language sql stable as $$ select '{"home": true}'::json $$;
      create schema other; create function other.home() returns text language sql stable as $$ select 'other' $$;`,
  });
  const api = await serve(t, url, { postgres: { rootFunction: "home", schemas: ["public", "other"] } });
  const asked = (status: string, headers: string): Promise<Answer> =>
    api.send("POST", "/rpc/teapot", {}, JSON.stringify({ status, headers }));
  const made = await asked(
    "418",
    '[{"X-One": "1"}, {"Set-Cookie": "a=1"}, {"Set-Cookie": "b=2"}, {"Content-Type": "text/x"}]',
  );
  assert.deepEqual([made.status, made.text], [418, '{"a": 1}']);
  assert.deepEqual(
    [made.headers["x-one"], made.headers["set-cookie"], made.headers["content-type"]],
    ["1", ["a=1", "b=2"], "text/x"],
  );
  assert.deepEqual([(await asked("1000", "[]")).status, codeOf(await asked("abc", "[]"))], [500, "PGRST112"]);
  assert.equal(codeOf(await asked("200", "{}")), "PGRST111");
  assert.equal((await asked("", "")).status, 200);

  assert.deepEqual(await api.json("/"), { home: true });
  assert.equal((await api.get("/", { "accept-profile": "other" })).text, '"other"');
  assert.equal((await api.send("OPTIONS", "/")).headers.allow, "OPTIONS,GET,HEAD,POST");
  assert.match(await api.metrics(), /route="\/"|endpoint="\/"/);
});
