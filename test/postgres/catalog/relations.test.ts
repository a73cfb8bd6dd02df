import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { findRelation } from "../../../src/postgres/catalog/lookup.ts";
import type { Catalog, Column } from "../../../src/postgres/catalog/types.ts";
import { chinookDatabase } from "../../support/chinook.ts";
import { queryRows, testDatabase } from "../../support/postgres.ts";
import { columnOf, readFrom, relationOf } from "./read-from.ts";

suite("relations and their columns", () => {
  let catalog: Catalog;
  before(async () => {
    const url = await testDatabase({ after }, { sql: schema });
    catalog = await readFrom(url, { schemas: ["public", "empty"], extraSearchPath: ["nowhere"] });
  });

  test("every kind of relation is listed, partitions are not", () => {
    const kinds = [...(catalog.relations.get("public")?.values() ?? [])].map(({ name, kind }) => [name, kind]);
    assert.deepEqual(Object.fromEntries(kinds), {
      thing: "table",
      measure: "partitioned table",
      remote: "foreign table",
      thing_view: "view",
      thing_join: "view",
      thing_trigger: "view",
      thing_stored: "materialized view",
      select: "table",
      'odd "name", {with} (a) \\lot': "table",
      "schüler 学生": "table",
      nothing: "table",
    });
  });

  test("an exposed schema without relations has an empty map", () => {
    assert.equal(catalog.relations.get("empty")?.size, 0);
    assert.equal(catalog.routines.get("empty")?.size, 0);
    assert.equal(relationOf(catalog, "nothing").columns.size, 0);
  });

  test("what can be written follows from the kind, the view's query and its triggers", () => {
    assert.equal(writable(catalog, "thing"), "111");
    assert.equal(writable(catalog, "measure"), "111");
    assert.equal(writable(catalog, "thing_view"), "111");
    assert.equal(writable(catalog, "thing_join"), "000");
    assert.equal(writable(catalog, "thing_trigger"), "101");
    assert.equal(writable(catalog, "thing_stored"), "000");
    assert.equal(writable(catalog, "remote"), "000");
  });

  test("types are spelled as format_type does with an empty search path, domains down to their base", () => {
    const types = Object.fromEntries(
      [...relationOf(catalog, "thing").columns.values()].map((c) => [
        c.name,
        [c.type, c.declaredType, c.baseType, c.category, c.maxLength].join(" | "),
      ]),
    );
    assert.deepEqual(types, {
      id: "integer | integer | integer | N | ",
      code: "character varying | character varying(7) | character varying | S | 7",
      price: "numeric | numeric(10,2) | numeric | N | ",
      tags: "text[] | text[] | text[] | A | ",
      mood: "public.mood | public.mood | public.mood | E | ",
      short: "public.short | public.short | character varying | S | 5",
      shorter: "public.shorter | public.shorter | character varying | S | ",
      flags: "bit | bit(3) | bit | V | 3",
      letter: "character | character(1) | character | S | 1",
      place: "public.place | public.place | public.place | C | ",
      during: "tstzrange | tstzrange | tstzrange | R | ",
      doubled: "integer | integer | integer | N | ",
      always: "bigint | bigint | bigint | N | ",
      at: "timestamp without time zone | timestamp(3) without time zone | timestamp without time zone | D | ",
    });
    assert.equal(columnOf(catalog, "thing", "short").isDomain, true);
    assert.equal(columnOf(catalog, "thing", "code").isDomain, false);
    assert.equal(columnOf(catalog, "thing", "place").isComposite, true);
  });

  test("enum labels come in the type's own order, also through a domain", () => {
    assert.deepEqual(columnOf(catalog, "thing", "mood").enumLabels, ["sad", "ok, fine", 'so "happy"']);
    assert.deepEqual(columnOf(catalog, "select", "from").enumLabels, ["sad", "ok, fine", 'so "happy"']);
  });

  test("defaults: the column's, the identity's sequence, the domain's; none for what is generated", () => {
    const defaults = (name: string) => columnOf(catalog, "thing", name).default;
    assert.equal(defaults("id"), "nextval('public.thing_id_seq')");
    assert.equal(defaults("code"), "'x'::character varying");
    assert.equal(defaults("short"), "'dom'::character varying");
    assert.equal(defaults("doubled"), null);
    assert.equal(defaults("always"), null);
    assert.equal(defaults("tags"), null);
    assert.equal(columnOf(catalog, "select", "select").default, "nextval('public.select_select_seq'::regclass)");
  });

  test("generated columns and identity are told apart", () => {
    assert.deepEqual(told(columnOf(catalog, "thing", "id")), [false, "by default"]);
    assert.deepEqual(told(columnOf(catalog, "thing", "always")), [true, "always"]);
    assert.deepEqual(told(columnOf(catalog, "thing", "doubled")), [true, null]);
    assert.deepEqual(told(columnOf(catalog, "thing", "code")), [false, null]);
  });

  test("a column is nullable unless it or its domain forbids null", () => {
    const nullable = [...relationOf(catalog, "thing").columns.values()].filter((c) => !c.nullable).map((c) => c.name);
    assert.deepEqual(nullable, ["id", "price", "short", "always"]);
  });

  test("comments of schema, relation and column are read", () => {
    assert.equal(catalog.schemaComments.get("empty"), "nothing\nhere");
    assert.equal(catalog.schemaComments.has("elsewhere"), false);
    assert.equal(relationOf(catalog, "thing").comment, "a thing");
    assert.equal(columnOf(catalog, "thing", "code").comment, "its 'code'");
    assert.equal(columnOf(catalog, "thing", "price").comment, null);
  });

  test("dropped columns leave a gap in the positions", () => {
    const positions = [...relationOf(catalog, "select").columns.values()].map(({ name, position }) => [name, position]);
    assert.deepEqual(positions, [
      ["select", 1],
      ["from", 3],
    ]);
  });

  test("a primary key is in its own order, whatever the columns' names and places", () => {
    assert.deepEqual(relationOf(catalog, 'odd "name", {with} (a) \\lot').primaryKey, ["z {", "a\\ )"]);
    assert.deepEqual(relationOf(catalog, "measure").primaryKey, ["at", "id"]);
    assert.deepEqual(relationOf(catalog, "nothing").primaryKey, []);
  });

  test("a relation is found by its exact name only", () => {
    assert.equal(findRelation(catalog, { schema: "public", name: "select" })?.name, "select");
    assert.equal(findRelation(catalog, { schema: "public", name: "Select" }), undefined);
    assert.equal(findRelation(catalog, { schema: "elsewhere", name: "hidden" }), undefined);
    assert.equal(findRelation(catalog, { schema: "__proto__", name: "constructor" }), undefined);
  });
});

test("columns of Chinook are those of information_schema", async (t) => {
  const url = await chinookDatabase(t);
  if (url === undefined) return;
  const expected = await queryRows(
    url,
    `select table_name, column_name, ordinal_position, is_nullable = 'YES' as nullable, data_type, character_maximum_length
    from information_schema.columns where table_schema = 'public' order by table_name, ordinal_position`,
  );
  const catalog = await readFrom(url);
  const relations = [...(catalog.relations.get("public")?.values() ?? [])].sort((a, b) => (a.name < b.name ? -1 : 1));
  const read = relations.flatMap(({ name, columns }) =>
    [...columns.values()].map((column) => ({
      table_name: name,
      column_name: column.name,
      ordinal_position: column.position,
      nullable: column.nullable,
      data_type: column.type,
      character_maximum_length: column.maxLength,
    })),
  );
  assert.equal(read.length, 64);
  assert.deepEqual(read, expected);
});

function writable(catalog: Catalog, name: string): string {
  const { insertable, updatable, deletable } = relationOf(catalog, name);
  return [insertable, updatable, deletable].map(Number).join("");
}

function told({ generated, identity }: Column): readonly unknown[] {
  return [generated, identity];
}

const schema = `
create schema empty;
comment on schema empty is E'nothing\\nhere';
create schema elsewhere;
create table elsewhere.hidden (id int primary key);
create type mood as enum ('ok, fine', 'so "happy"');
alter type mood add value 'sad' before 'ok, fine';
create domain mood_domain as mood;
create domain short as varchar(5) default 'dom' not null;
create domain shorter as short check (length(value) < 3);
create type place as (x int, y int);
create table thing (
  id int generated by default as identity primary key,
  code varchar(7) default 'x',
  price numeric(10, 2) not null,
  tags text[],
  mood mood,
  short short,
  shorter shorter,
  flags bit(3),
  letter char,
  place place,
  during tstzrange,
  doubled int generated always as (2 * 3) stored,
  always bigint generated always as identity,
  at timestamp(3)
);
comment on table thing is 'a thing';
comment on column thing.code is 'its ''code''';
create table measure (id int, at date, value int, primary key (at, id)) partition by range (at);
create table measure_2020 partition of measure for values from ('2020-01-01') to ('2021-01-01');
create foreign data wrapper nowhere;
create server nowhere foreign data wrapper nowhere;
create foreign table remote (id int) server nowhere;
create view thing_view as select * from thing;
create view thing_join as select a.id, b.code from thing a join thing b using (id);
create view thing_trigger as select count(*) from thing;
create function ignore() returns trigger language plpgsql as 'begin return new; end';
create trigger t instead of insert or delete on thing_trigger for each row execute function ignore();
create materialized view thing_stored as select id, code from thing;
create table "select" ("select" serial, gone int, "from" mood_domain);
alter table "select" drop column gone;
create table "odd ""name"", {with} (a) \\lot" ("a\\ )" int, "z {" int, primary key ("z {", "a\\ )"));
create table "schüler 学生" ("größe" int);
create table nothing ();
`;
