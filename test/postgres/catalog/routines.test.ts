import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { findFunctions } from "../../../src/postgres/catalog/lookup.ts";
import type { Catalog, Routine } from "../../../src/postgres/catalog/types.ts";
import { testDatabase } from "../../support/postgres.ts";
import { readFrom } from "./read-from.ts";

suite("routines", () => {
  let catalog: Catalog;
  before(async () => {
    catalog = await readFrom(await testDatabase({ after }, { sql }));
  });
  const overloads = (name: string) => findFunctions(catalog, { schema: "public", name });
  const only = (name: string): Routine => {
    const [routine, ...more] = overloads(name);
    assert.ok(routine !== undefined && more.length === 0, `one function ${name}`);
    return routine;
  };

  test("parameters have names, types, and say whether they may be left out", () => {
    assert.deepEqual(only("defaults").parameters, [
      { name: "a", type: "integer", declaredType: "integer", required: true, variadic: false },
      { name: 'b "c"', type: "character", declaredType: "character varying", required: false, variadic: false },
      { name: "d", type: "bit[]", declaredType: "bit varying[]", required: false, variadic: false },
    ]);
  });

  test("output parameters between input ones shift no name, mode or default", () => {
    const { parameters, returns } = only("mixed");
    assert.deepEqual(
      parameters.map(({ name, type, required }) => [name, type, required]),
      [
        ["a", "integer", true],
        ["c", "text", true],
        ["d", "date", false],
      ],
    );
    assert.deepEqual(returns, {
      set: false,
      kind: "composite",
      type: "record",
      baseType: "record",
      columns: [
        { name: "b", type: "numeric", baseType: "numeric" },
        { name: "c", type: "text", baseType: "text" },
      ],
    });
  });

  test("a variadic parameter is marked", () => {
    const { parameters, hasVariadic } = only("many");
    assert.equal(hasVariadic, true);
    assert.deepEqual(
      parameters.map(({ name, type, variadic }) => [name, type, variadic]),
      [
        ["first", "text", false],
        ["rest", "integer[]", true],
      ],
    );
  });

  test("overloads are listed by the number of parameters", () => {
    const types = overloads("over").map(({ parameters }) => parameters.map(({ type }) => type).join());
    assert.deepEqual(types, ["", "integer", "text", "integer,integer"]);
  });

  test("one unnamed parameter makes a function callable only when it can receive a body", () => {
    assert.deepEqual(
      ["body_json", "body_text", "body_bytea", "body_jsonb", "body_xml", "body_int", "two"].map(
        (name) => overloads(name).length,
      ),
      [1, 1, 1, 1, 1, 0, 0],
    );
    assert.equal(only("body_json").parameters[0]?.name, "");
  });

  test("results: nothing, a value, a set, a relation's row, a type's row, a table of its own", () => {
    assert.equal(describeReturn(only("nothing")), "one|void|void||");
    assert.equal(describeReturn(only("many")), "one|scalar|integer[]||");
    assert.equal(describeReturn(only("numbers")), "setof|scalar|integer||");
    assert.equal(describeReturn(only("things")), "setof|composite|public.thing|thing|");
    assert.equal(describeReturn(only("alias")), "one|composite|public.thing_alias|thing|");
    assert.equal(describeReturn(only("pair")), "one|composite|public.pair||x integer,y text[]");
    assert.equal(describeReturn(only("hidden")), "setof|composite|other.hidden||secret integer");
    assert.equal(describeReturn(only("listing")), "setof|composite|record||id integer,mood public.mood");
    assert.equal(describeReturn(only("single")), "setof|composite|integer||id integer");
    assert.equal(describeReturn(only("any_record")), "one|scalar|record||");
  });

  test("volatility, comment and settings are read", () => {
    const { volatility, comment, settings } = only("settled");
    assert.equal(volatility, "stable");
    assert.equal(comment, "it is settled");
    assert.deepEqual(settings, [
      ["statement_timeout", "2s"],
      ["default_transaction_isolation", "repeatable read"],
      ["app.odd", "a=b"],
    ]);
    assert.equal(only("numbers").volatility, "volatile");
    assert.equal(only("pair").volatility, "immutable");
  });

  test("procedures are known but not among the functions; triggers, aggregates and other schemas are not known", () => {
    const known = catalog.routines.get("public");
    assert.deepEqual(
      known?.get("proceed")?.map(({ isProcedure }) => isProcedure),
      [true],
    );
    assert.deepEqual(overloads("proceed"), []);
    assert.equal(known?.has("trip"), false);
    assert.equal(known?.has("total"), false);
    assert.equal(known?.has("elsewhere"), false);
  });
});

function describeReturn({ returns }: Routine): string {
  const { set, kind, type, relation, columns } = returns;
  const list = columns.map((column) => `${column.name} ${column.type}`).join();
  return [set ? "setof" : "one", kind, type, relation?.name ?? "", list].join("|");
}

const sql = `
create schema other;
create type mood as enum ('a');
create type pair as (x int, y text[]);
create table thing (id int primary key);
create table other.hidden (secret int);
create domain thing_alias as thing;
create function defaults(a int, "b ""c""" char default 'x', d bit[] default null) returns int language sql as 'select 1';
create function mixed(a int, out b numeric, inout c text, d date default now()) language sql as 'select 1::numeric, c';
create function many(first text, variadic rest int[]) returns int[] language sql as 'select rest';
create function over(a int, b int) returns int language sql as 'select 1';
create function over(a text) returns int language sql as 'select 1';
create function over(a int) returns int language sql as 'select 1';
create function over() returns int language sql as 'select 1';
create function body_json(json) returns int language sql as 'select 1';
create function body_jsonb(jsonb) returns int language sql as 'select 1';
create function body_text(text) returns int language sql as 'select 1';
create function body_bytea(bytea) returns int language sql as 'select 1';
create function body_xml(xml) returns int language sql as 'select 1';
create function body_int(int) returns int language sql as 'select 1';
create function two(json, json) returns int language sql as 'select 1';
create function nothing() returns void language sql as '';
create function numbers() returns setof int language sql as 'select 1';
create function things() returns setof thing language sql as 'select * from thing';
create function alias() returns thing_alias language sql as 'select row(1)::thing_alias';
create function pair() returns pair immutable language sql as 'select row(1, null)::pair';
create function hidden() returns setof other.hidden language sql as 'select * from other.hidden';
create function listing() returns table (id int, mood mood) language sql as 'select 1, null::mood';
create function single() returns table (id int) language sql as 'select 1';
create function any_record() returns record language sql as 'select 1, 2';
create function settled() returns int stable language sql set statement_timeout = '2s'
  set default_transaction_isolation = 'repeatable read' set app.odd = 'a=b' as 'select 1';
comment on function settled() is 'it is settled';
create procedure proceed(a int) language sql as '';
create function trip() returns trigger language plpgsql as 'begin return null; end';
create aggregate total(int) (sfunc = int4pl, stype = int);
create function other.elsewhere() returns int language sql as 'select 1';
`;
