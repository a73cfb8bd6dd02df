import assert from "node:assert/strict";
import { test } from "node:test";
import { queryRows, testDatabase } from "../../support/postgres.ts";
import { POSTGREST_LIKE, serve } from "../../support/server.ts";

const SCHEMA = `
  create table countries (id int primary key, name text);
  create table cities (id int primary key, name text, country_id int references countries, area numeric, facts jsonb);
  insert into countries values (1, 'Norway'), (2, 'Peru');
  insert into cities values (1, 'Oslo', 1, 454.12, '{"fjord": true}'), (2, 'Bergen', 1, 465.3, null), (3, 'Lima', 2, 2672, '{"fjord": false}'), (4, 'Atlantis', null, null, '[1, 2]');
  create type point2d as (x int, y int);
  create domain small as int check (value < 100);
  create domain city_row as cities;
  create function shout(cities) returns text language sql stable as 'select upper($1.name)';
  create function neighbours(cities) returns setof cities language sql stable as 'select c from cities c where c.country_id = $1.country_id and c.id <> $1.id order by id';

  create function all_cities() returns setof cities language sql stable as 'select * from cities';
  create function loud_cities() returns setof cities language plpgsql volatile as $$ begin return query select * from cities; end $$;
  create function cities_of(country int) returns setof cities language sql stable rows 5 as 'select * from cities where country_id = country';
  create function city(wanted int) returns cities language sql stable as 'select * from cities where id = wanted';
  create function city_domain(wanted int) returns city_row language sql stable as 'select c::city_row from cities c where id = wanted';
  create function origin() returns point2d language sql immutable as 'select 0, 0';
  create function points() returns setof point2d language sql immutable as 'values (1, 2), (3, 4)';
  create function totals() returns table (country text, total bigint) language sql stable as
    'select n.name, count(*) from cities c join countries n on n.id = c.country_id group by 1 order by 1';
  create function one_out(out doubled int) language sql immutable as 'select 4';
  create function outs(out a int, out b text) language sql immutable as $$ select 1, 'two' $$;
  create function inout_one(inout n int) language sql immutable as 'select n + 1';
  create function any_record() returns record language sql immutable as $$ select 1, 'a' $$;
  create function any_records() returns setof record language sql immutable as $$ values (1, 'a'), (2, 'b') $$;
  create function number() returns int language sql immutable as 'select 7';
  create function nothing_null() returns int language sql immutable as 'select null::int';
  create function numbers() returns setof int language sql immutable as 'values (3), (1), (2)';
  create function no_numbers() returns setof int language sql immutable as 'select 1 where false';
  create function words() returns text[] language sql immutable as $$ select array['a', 'b"c'] $$;
  create function range() returns int4range language sql immutable as $$ select '[1,4)'::int4range $$;
  create function document() returns json language sql immutable as $$ select '{"a" : [1,  2]}'::json $$;
  create function limited() returns small language sql immutable as 'select 42::small';
  create function quiet() returns void language sql immutable as 'select 1';
  create function flag() returns boolean language sql immutable as 'select true';
  create function hello() returns text language sql immutable as $$ select 'a "quoted" text' $$;`;

const NOTHING = {};
const list = (sql: string): string => `select coalesce(json_agg(r), '[]') from (${sql}) r`;

test("results of every kind, by GET and by POST", async (t) => {
  const url = await testDatabase(t, { sql: SCHEMA });
  const api = await serve(t, url, { postgres: { ...POSTGREST_LIKE, aggregates: true } });
  const both = async (path: string, sql: string, given: object = NOTHING): Promise<void> => {
    const [row] = await queryRows(url, `select (${sql})::json as expected`);
    const query = new URLSearchParams(
      Object.entries(given).map(([name, value]): [string, string] => [name, `${value}`]),
    );
    const [name = "", rest = ""] = path.split("?");
    const get = await api.json(`/rpc/${name}?${[query.toString(), rest].filter((part) => part !== "").join("&")}`);
    assert.deepEqual(get, row?.["expected"], `GET ${path}`);
    const post = await api.send("POST", `/rpc/${path}`, {}, JSON.stringify(given));
    assert.equal(post.status, 200, post.text);
    assert.deepEqual(JSON.parse(post.text), row?.["expected"], `POST ${path}`);
  };

  const as = async (path: string, accept: string): Promise<readonly unknown[]> => {
    const { status, headers, text } = await api.get(`/rpc/${path}`, { accept });
    return [status, headers["content-type"], text];
  };

  await t.test("tables", async () => {
    await both("all_cities", list("select * from cities"));
    await both("loud_cities", list("select * from cities"));
    await both("cities_of", list("select * from cities where country_id = 1"), { country: 1 });
    await both("cities_of", "select '[]'", { country: 9 });
    await both("city", "select row_to_json(c) from cities c where id = 2", { wanted: 2 });
    await both("city_domain", "select row_to_json(c) from cities c where id = 3", { wanted: 3 });
    await both("totals", list("select * from totals()"));
    await both("totals?total=gt.1&select=country", `select '[{"country": "Norway"}]'`);
    await both("points?x=eq.3", `select '[{"x": 3, "y": 4}]'`);
    await both("origin", `select '{"x": 0, "y": 0}'`);
  });

  await t.test("tables selected from, filtered, ordered, cut, counted", async () => {
    await both(
      "all_cities?select=name,area&area=gt.460&order=area.desc",
      list("select name, area from cities where area > 460 order by area desc"),
    );
    await both(
      "all_cities?select=id&order=name&limit=2&offset=1",
      list("select id from cities order by name limit 2 offset 1"),
    );
    await both("all_cities?or=(id.eq.1,name.like.L*)&select=id", `select '[{"id": 1}, {"id": 3}]'`);
    await both("all_cities?select=fjord:facts->fjord&facts->>fjord=eq.true", `select '[{"fjord": true}]'`);
    await both("all_cities?select=area.sum()&country_id=eq.1", `select '[{"sum": 919.42}]'`);
    await both("all_cities?select=id::text&limit=1", `select '[{"id": "1"}]'`);
    for (const [prefer, range] of [
      ["count=exact", "1-2/4"],
      ["count=estimated", "1-2/4"],
      ["count=planned", "1-2/*"],
    ]) {
      for (const name of ["all_cities", "loud_cities"]) {
        const answer = await api.get(`/rpc/${name}?order=id&limit=2&offset=1`, { prefer: prefer! });
        assert.equal(answer.headers["content-range"], range);
        assert.equal(answer.headers["preference-applied"], prefer);
      }
    }
    const ranged = await api.get("/rpc/all_cities?order=id", { range: "1-1" });
    assert.deepEqual(
      JSON.parse(ranged.text).map(({ id }: { id: number }) => id),
      [2],
    );
    const beyond = await api.get("/rpc/all_cities?offset=9", { prefer: "count=exact" });
    assert.deepEqual([beyond.status, beyond.headers["content-range"]], [416, "*/4"]);
  });

  await t.test("with embeds and computed columns", async () => {
    await both(
      "all_cities?select=name,countries(name)&order=id&limit=1",
      `select '[{"name": "Oslo", "countries": {"name": "Norway"}}]'`,
    );
    await both("all_cities?select=id,countries!inner()&countries.name=eq.Peru", `select '[{"id": 3}]'`);
    await both("all_cities?select=id,...countries(country:name)&id=eq.3", `select '[{"id": 3, "country": "Peru"}]'`);
    await both(
      "all_cities?select=id,shout&id=lt.3",
      `select '[{"id": 1, "shout": "OSLO"}, {"id": 2, "shout": "BERGEN"}]'`,
    );
    await both("all_cities?select=*,shout&id=eq.1", list("select c.*, shout(c) from cities c where id = 1"));
    await both("all_cities?shout=eq.LIMA", list("select * from cities where id = 3"));
    await both("all_cities?select=id&order=shout.desc&limit=1", `select '[{"id": 1}]'`);
    await both("all_cities?select=id,neighbours(id)&id=eq.1", `select '[{"id": 1, "neighbours": [{"id": 2}]}]'`);
    await both(
      "all_cities?select=shout,neighbours(shout)&id=eq.1",
      `select '[{"shout": "OSLO", "neighbours": [{"shout": "BERGEN"}]}]'`,
    );
    await both("city?select=name,countries(name)", `select '{"name": "Lima", "countries": {"name": "Peru"}}'`, {
      wanted: 3,
    });
    const counted = await api.get("/rpc/all_cities?select=id,shout,neighbours!inner(id)", { prefer: "count=exact" });
    assert.deepEqual([counted.status, counted.headers["content-range"]], [200, "0-1/2"], counted.text);
  });

  await t.test("records, outputs, values", async () => {
    await both("one_out", `select '{"doubled": 4}'`);
    await both("outs", `select '{"a": 1, "b": "two"}'`);
    await both("inout_one", `select '{"n": 6}'`, { n: 5 });
    await both("any_record", "select to_json(any_record())");
    await both(
      "any_records",
      `select '[{"f1": 1, "f2": "a"}, {"f1": 2, "f2": "b"}]'`.replaceAll("f1", "column1").replaceAll("f2", "column2"),
    );
    await both("number", "select '7'");
    await both("nothing_null", "select 'null'");
    await both("numbers", "select '[3, 1, 2]'");
    await both("numbers?limit=2", "select '[3, 1]'");
    await both("no_numbers", "select '[]'");
    await both("words", "select to_json(words())");
    await both("range", "select to_json(range())");
    await both("document", "select document()");
    await both("limited", "select '42'");
    await both("flag", "select 'true'");
    await both("hello", "select to_json(hello())");
  });

  await t.test("nothing", async () => {
    for (const answer of [await api.get("/rpc/quiet"), await api.send("POST", "/rpc/quiet", {}, "{}")]) {
      assert.deepEqual([answer.status, answer.text], [204, ""]);
      assert.equal(answer.headers["content-type"], undefined);
    }
  });

  await t.test("as one object, CSV, without nulls, raw, as a plan of nothing", async () => {
    const object = "application/vnd.pgrst.object+json";
    assert.deepEqual(await as("cities_of?country=2&select=id", object), [200, `${object}; charset=utf-8`, '{"id":3}']);
    assert.deepEqual((await as("all_cities", object))[0], 406);
    assert.deepEqual((await as("number", object))[2], "7");
    assert.deepEqual(await as("all_cities?select=id,name&limit=2", "text/csv"), [
      200,
      "text/csv; charset=utf-8",
      "id,name\n1,Oslo\n2,Bergen",
    ]);
    assert.equal((await as("all_cities?select=id,shout&limit=1&order=shout.desc", "text/csv"))[2], "id,shout\n1,OSLO");
    assert.equal((await as("numbers", "text/csv"))[2], "pgrst_scalar\n3\n1\n2");
    assert.equal(
      (await as("all_cities?id=eq.4&select=id,area", "application/vnd.pgrst.array+json;nulls=stripped"))[2],
      '[{"id":4}]',
    );
    assert.deepEqual(await as("hello", "text/plain"), [200, "text/plain; charset=utf-8", 'a "quoted" text']);
    assert.equal((await as("numbers", "text/plain"))[0], 406);
    assert.equal((await as("all_cities", "application/vnd.pgrst.plan"))[0], 406);
  });

  await t.test("HEAD answers as GET does, without the content", async () => {
    for (const path of ["all_cities?id=gt.2", "number", "quiet"]) {
      const head = await api.send("HEAD", `/rpc/${path}`, { prefer: "count=exact" });
      const get = await api.get(`/rpc/${path}`, { prefer: "count=exact" });
      assert.deepEqual([head.status, head.text], [get.status, ""]);
      for (const name of ["content-type", "content-range", "preference-applied"])
        assert.equal(head.headers[name], get.headers[name], name);
    }
  });

  await t.test("functions that a relation hides, and relations that a function does", async () => {
    assert.deepEqual((await api.get("/rpc/all_cities?select=id,planets(*)")).status, 400);
    assert.deepEqual((await api.get("/rpc/number?select=id,countries(*)")).status, 400);
    assert.deepEqual((await api.get("/rpc/numbers?nope=eq.1")).status, 400);
    assert.deepEqual(await api.json("/rpc/numbers?pgrst_scalar=gt.1&order=pgrst_scalar"), [2, 3]);
  });
});

test("conditions on what an SQL function answers reach the indexes behind it", async (t) => {
  const url = await testDatabase(t, {
    sql: `
      create table big (id int primary key, n int); insert into big select g, g from generate_series(1, 5000) g; analyze big;
      create function all_big() returns setof big language sql stable as 'select * from big';
      create function above(low int) returns setof big language sql stable as 'select * from big where id > low';`,
  });
  const api = await serve(t, url, { postgres: { planEnabled: true } });
  const accept = { accept: "application/vnd.pgrst.plan" };
  const plans = [
    await api.get("/rpc/all_big?id=eq.5&select=n", accept),
    await api.get("/rpc/above?low=4990&order=id&limit=2", accept),
    await api.send("POST", "/rpc/above?id=lt.4995", accept, '{"low": 4990}'),
  ];
  for (const { text } of plans) {
    assert.match(text, /Index Cond/);
    assert.doesNotMatch(text, /CTE|Function Scan on (?:all_big|above)/);
  }
});

test("content of media types that the database makes, bytes among them", async (t) => {
  const url = await testDatabase(t, {
    sql: `
      create table pixels (id int primary key, shade int); insert into pixels values (1, 0), (2, 255);
      create domain "image/x-shades" as bytea; create domain "text/xml" as xml; create domain "*/*" as bytea; create domain "text/plain" as text;
      create function picture() returns "image/x-shades" language sql immutable as $$ select '\\x00ff80'::bytea $$;
      create function anything() returns "*/*" language sql as $$
        select set_config('response.headers', '[{"Content-Type": "image/gif"}]', true); select '\\x474946'::bytea $$;
      create function page() returns "text/xml" language sql immutable as $$ select '<p>ä</p>'::xml $$;
      create function blob() returns bytea language sql immutable as $$ select '\\xfffe'::bytea $$;
      create function stay(bytea) returns bytea language sql immutable as 'select $1';
      create function step("image/x-shades", pixels) returns "image/x-shades" language sql immutable as
        $$ select (coalesce($1, '') || set_byte('\\x00', 0, $2.shade))::"image/x-shades" $$;
      create aggregate shades(pixels) (sfunc = step, stype = "image/x-shades");
      create function step("text/plain", anyelement) returns "text/plain" language sql immutable as $$ select (coalesce($1 || '; ', '') || $2::text)::"text/plain" $$;
      create aggregate plain(anyelement) (sfunc = step, stype = "text/plain");
      create function all_pixels() returns setof pixels language sql stable as 'select * from pixels order by id';
      create function shade_list() returns setof int language sql stable as 'select shade from pixels order by id';
      create function pixels(int) returns "image/x-shades" language sql immutable as $$ select '\\x01'::bytea $$;`,
  });
  const api = await serve(t, url);
  const bytes = async (path: string, accept: string): Promise<readonly unknown[]> => {
    const { status, headers, bytes: content } = await api.get(path, { accept });
    return [status, headers["content-type"], content.toString("hex")];
  };
  assert.deepEqual(await bytes("/rpc/picture", "image/x-shades"), [200, "image/x-shades", "00ff80"]);
  assert.deepEqual(await bytes("/rpc/anything", "image/gif"), [200, "image/gif", "474946"]);
  assert.deepEqual(await bytes("/rpc/page", "text/xml"), [
    200,
    "text/xml; charset=utf-8",
    Buffer.from("<p>ä</p>").toString("hex"),
  ]);
  assert.deepEqual(await bytes("/rpc/blob", "application/octet-stream"), [200, "application/octet-stream", "fffe"]);
  assert.deepEqual(await bytes("/pixels?order=id", "image/x-shades"), [200, "image/x-shades", "00ff"]);
  assert.deepEqual(await bytes("/rpc/all_pixels", "image/x-shades"), [200, "image/x-shades", "00ff"]);
  assert.equal((await api.get("/rpc/all_pixels?select=id", { accept: "text/plain" })).text, "(1); (2)");
  assert.equal((await api.get("/rpc/shade_list", { accept: "text/plain" })).text, "0; 255");
  assert.equal((await api.get("/rpc/shade_list", { accept: "image/x-shades" })).status, 406);
  const echoed = await api.send(
    "POST",
    "/rpc/stay",
    { "content-type": "application/octet-stream", accept: "application/octet-stream" },
    Buffer.from("00ff27220d0a", "hex"),
  );
  assert.equal(echoed.bytes.toString("hex"), "00ff27220d0a");
});
