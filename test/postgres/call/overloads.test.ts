import assert from "node:assert/strict";
import { test } from "node:test";
import { testDatabase } from "../../support/postgres.ts";
import { POSTGREST_LIKE, serve } from "../../support/server.ts";

const SCHEMA = `
  create function over() returns text language sql immutable as $$ select 'none' $$;
  create function over(a int) returns text language sql immutable as $$ select 'a' $$;
  create function over(a int, b int default 2) returns text language sql immutable as $$ select 'ab' $$;
  create function over(json) returns text language sql immutable as $$ select 'json ' || $1 $$;
  create function over(text) returns text language sql immutable as $$ select 'text ' || $1 $$;
  create function over(bytea) returns text language sql immutable as $$ select 'bytes ' || encode($1, 'hex') $$;
  create function over(xml) returns text language sql immutable as $$ select 'xml ' || $1::text $$;
  create function two_json(json) returns text language sql immutable as $$ select 'json' $$;
  create function two_json(jsonb) returns text language sql immutable as $$ select 'jsonb' $$;
  create function same(v int) returns text language sql immutable as $$ select 'int' $$;
  create function same(v text) returns text language sql immutable as $$ select 'text' $$;
  create function greet(name text, title text default 'Dr.') returns text language sql immutable as $$ select title || ' ' || name $$;
  create function "Odd ""name"", 1"(v int) returns int language sql immutable as 'select v';
  create procedure proceed(v int) language sql as 'select 1';
  create function on_change() returns trigger language plpgsql as 'begin return new; end';
  create function unnamed(int) returns int language sql immutable as 'select $1';
  create schema other; create function other.only_here(v int) returns int language sql immutable as 'select v';`;

test("the function is found by the names of the arguments, and by what the content is", async (t) => {
  const url = await testDatabase(t, { sql: SCHEMA });
  const api = await serve(t, url, { postgres: { ...POSTGREST_LIKE, schemas: ["public", "other"] } });
  const post = async (path: string, body: string, type?: string): Promise<readonly unknown[]> => {
    const headers = type === undefined ? {} : { "content-type": type };
    const { status, text } = await api.send("POST", `/rpc/${path}`, headers, body);
    const parsed = JSON.parse(text) as { code?: string };
    return [status, status === 200 ? parsed : parsed.code];
  };
  const failure = async (method: string, path: string, body = "", headers = {}): Promise<unknown> => {
    const { status, text } = await api.send(method, `/rpc/${path}`, headers, body);
    const { code, message, details, hint } = JSON.parse(text) as Record<string, unknown>;
    return { status, code, message, details, hint };
  };

  await t.test("names", async () => {
    assert.equal(await api.json("/rpc/over"), "none");
    assert.equal(await api.json("/rpc/over?a=1&b=2"), "ab");
    // Only JSON without names could be meant for the function that takes it whole.
    assert.deepEqual(await post("over", "{}"), [200, "none"]);
    assert.deepEqual(await post("over", '{"a": 1, "b": 2}'), [200, "ab"]);
    assert.deepEqual(await post("over", ""), [200, "none"]);
    assert.equal(await api.json("/rpc/greet?name=Who"), "Dr. Who");
    assert.equal(await api.json("/rpc/greet?title=Mr.&name=Bean"), "Mr. Bean");
    assert.equal(await api.json(`/rpc/${encodeURIComponent('Odd "name", 1')}?v=5`), 5);
  });

  await t.test("content", async () => {
    assert.deepEqual(await post("over", '{"c":  3}'), [200, 'json {"c":  3}']);
    assert.deepEqual(await post("over", "[1, 2]"), [200, "json [1, 2]"]);
    assert.deepEqual(await post("over", '[{"a":1},{"b":2}]'), [200, 'json [{"a":1},{"b":2}]']);
    assert.deepEqual(await post("over", "plain, text", "text/plain"), [200, "text plain, text"]);
    assert.deepEqual(await post("over", "", "text/plain"), [200, "text "]);
    assert.deepEqual(await post("over", "<a>b</a>", "text/xml; charset=utf-8"), [200, "xml <a>b</a>"]);
    assert.deepEqual(await post("over", "hi", "application/octet-stream"), [200, "bytes 6869"]);
    assert.deepEqual(await post("over", "a=1&b=2", "application/x-www-form-urlencoded"), [200, "ab"]);
    assert.deepEqual(await post("over?columns=c", '[{"c": 3}, {"d": 4}]'), [200, 'json [{"c": 3}, {"d": 4}]']);
    assert.deepEqual(await post("greet?columns=name", '{"name": "Who", "spare": 1}'), [200, "Dr. Who"]);
    assert.deepEqual(await post("greet", 'title,name\nMr.,"Bean, R."\nNULL,x', "text/csv"), [200, "Mr. Bean, R."]);
    assert.deepEqual(await post("greet", "title,name\nMr.", "text/csv"), [400, "PGRST102"]);
    assert.deepEqual(await post("greet", "{not json"), [400, "PGRST102"]);
    assert.deepEqual(await post("greet", '[{"name": "a"}, {"title": "b"}]'), [400, "PGRST102"]);
    assert.deepEqual(await post("greet", "name", "image/png"), [400, "PGRST102"]);
    assert.deepEqual(await post("greet?name=x", '{"name": "a"}'), [400, "PGRST100"]);
    assert.deepEqual(await post("over", Buffer.from([0xff]).toString("latin1"), "text/plain"), [200, "text ÿ"]);
    const bad = await api.send("POST", "/rpc/over", { "content-type": "text/plain" }, Buffer.from([0xff]));
    assert.deepEqual([bad.status, (JSON.parse(bad.text) as { code: string }).code], [400, "22021"]);
    const nul = await api.send("POST", "/rpc/over", { "content-type": "text/plain" }, Buffer.from([0]));
    assert.equal(nul.status, 400);
  });

  await t.test("none", async () => {
    assert.deepEqual(await failure("GET", "greets?name=x"), {
      status: 404,
      code: "PGRST202",
      message: "Could not find the function public.greets(name) in the schema cache",
      details:
        "Searched for the function public.greets with parameter name, but no matches were found in the schema cache.",
      hint: "Perhaps you meant to call the function public.greet",
    });
    assert.deepEqual(await failure("POST", "greet", '{"nam": "x", "titel": "y"}'), {
      status: 404,
      code: "PGRST202",
      message: "Could not find the function public.greet(nam, titel) in the schema cache",
      details:
        "Searched for the function public.greet with parameters nam, titel or with a single unnamed json/jsonb parameter, but no matches were found in the schema cache.",
      hint: "Perhaps you meant to call the function public.greet(name, title)",
    });
    assert.deepEqual(await failure("POST", "greet", "x", { "content-type": "text/plain" }), {
      status: 404,
      code: "PGRST202",
      message: "Could not find the function public.greet in the schema cache",
      details:
        "Searched for the function public.greet with a single unnamed text parameter, but no matches were found in the schema cache.",
      hint: null,
    });
    assert.deepEqual(await failure("GET", "completely_different"), {
      status: 404,
      code: "PGRST202",
      message: "Could not find the function public.completely_different without parameters in the schema cache",
      details:
        "Searched for the function public.completely_different without parameters, but no matches were found in the schema cache.",
      hint: null,
    });
    for (const name of ["proceed?v=1", "on_change", "unnamed", "only_here?v=1", "", "over/1"])
      assert.equal((await api.get(`/rpc/${name}`)).status, 404, name);
    assert.equal((await api.get("/rpc/only_here?v=1", { "accept-profile": "other" })).text, "1");
    const profiled = await api.send("POST", "/rpc/only_here", { "content-profile": "other" }, '{"v": 2}');
    assert.deepEqual([profiled.text, profiled.headers["content-profile"]], ["2", "other"]);
  });

  await t.test("several", async () => {
    assert.deepEqual(await failure("GET", "same?v=1"), {
      status: 300,
      code: "PGRST203",
      message:
        "Could not choose the best candidate function between: public.same(v => integer), public.same(v => text)",
      details: null,
      hint: "Try renaming the parameters or the function itself in the database so function overloading can be resolved",
    });
    assert.deepEqual(await post("two_json", '{"a": 1}'), [300, "PGRST203"]);
    assert.equal((await api.get("/rpc/over?a=1")).status, 300);
  });

  await t.test("methods", async () => {
    assert.deepEqual(await failure("DELETE", "greet?name=x"), {
      status: 405,
      code: "PGRST101",
      message: "Cannot use the DELETE method on RPC",
      details: null,
      hint: null,
    });
    const options = await api.send("OPTIONS", "/rpc/greet");
    assert.deepEqual([options.status, options.headers.allow], [200, "OPTIONS,GET,HEAD,POST"]);
    assert.equal((await api.send("OPTIONS", "/rpc/nothing")).status, 404);
    assert.equal((await api.send("PUT", "/rpc/nothing")).status, 404);
  });
});
