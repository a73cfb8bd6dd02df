import assert from "node:assert/strict";
import { after, test } from "node:test";
import { findRelationships } from "../../../src/postgres/catalog/lookup.ts";
import { testDatabase } from "../../support/postgres.ts";
import { describeRelationship, describeRelationships, readFrom, remake } from "./read-from.ts";

const url = await testDatabase({ after });

/** Lines of `describeRelationships`, sorted, of a database made by `sql`. */
async function relationshipsOf(sql: string): Promise<string[]> {
  await remake(url, sql);
  return describeRelationships(await readFrom(url)).toSorted();
}

test("a foreign key is followed both ways, composite ones pair by pair", async () => {
  const sql = `create table a (x int, y int, primary key (x, y));
    create table b (y int, x int, constraint k foreign key (x, y) references a (x, y));`;
  assert.deepEqual(await relationshipsOf(sql), ["a -< b [x=x,y=y] k", "b >- a [x=x,y=y] k"]);
});

test("it is one-to-one when its columns, in any order, are the primary key or a unique constraint", async () => {
  const sql = `create table a (x int, y int, primary key (x, y));
    create table by_key (x int, y int, primary key (y, x), constraint k1 foreign key (x, y) references a);
    create table by_unique (x int, y int, unique (y, x), constraint k2 foreign key (x, y) references a);
    create table by_part (x int unique, y int, constraint k3 foreign key (x, y) references a);
    create table by_index (x int, y int, constraint k4 foreign key (x, y) references a);
    create unique index on by_index (x, y);`;
  assert.deepEqual(await relationshipsOf(sql), [
    "a -< by_index [x=x,y=y] k4",
    "a -< by_part [x=x,y=y] k3",
    "a .< by_key [x=x,y=y] k1",
    "a .< by_unique [x=x,y=y] k2",
    "by_index >- a [x=x,y=y] k4",
    "by_key >. a [x=x,y=y] k1",
    "by_part >- a [x=x,y=y] k3",
    "by_unique >. a [x=x,y=y] k2",
  ]);
});

test("many-to-many goes through a table whose primary key holds both foreign keys", async () => {
  const sql = `create table a (id int primary key); create table b (id int primary key);
    create table j (a int constraint ja references a, b int constraint jb references b, n int, primary key (n, a, b));
    create table no (a int constraint na references a, b int constraint nb references b, primary key (a));`;
  const lines = await relationshipsOf(sql);
  assert.deepEqual(
    lines.filter((line) => line.includes("><")),
    ["a >< b via j [id=a|b=id] ja jb", "b >< a via j [id=b|a=id] jb ja"],
  );
});

test("many-to-many goes through a view that shows the whole key of such a table", async () => {
  const sql = `create schema s; create table a (id int primary key); create table b (id int primary key);
    create table s.j (a int constraint ja references a, b int constraint jb references b, primary key (a, b));
    create view v as select a as x, b as y from s.j; create view w as select a from s.j;`;
  const lines = await relationshipsOf(sql);
  assert.deepEqual(
    lines.filter((line) => line.includes("><")),
    ["a >< b via v [id=x|y=id] ja jb", "b >< a via v [id=y|x=id] jb ja"],
  );
});

test("one foreign key alone links nothing many-to-many, however many views its table has", async () => {
  const sql = `create table a (id int primary key); create view v as select id from a; create view w as select id from a;
    create table j (a int constraint k references a, n int, primary key (a, n));`;
  assert.deepEqual(
    (await relationshipsOf(sql)).filter((line) => line.includes("><")),
    [],
  );
});

test("a reference to the own table goes both ways, a table linked to itself many-to-many four ways", async () => {
  const sql = `create table p (id int primary key, boss int constraint k references p);
    create table friend (a int constraint fa references p, b int constraint fb references p, primary key (a, b));`;
  await remake(url, sql);
  const catalog = await readFrom(url);
  const own = findRelationships(catalog, { schema: "public", name: "p" }).filter((one) => one.isSelf);
  assert.deepEqual(own.map(describeRelationship), [
    "p -< p [id=boss] k",
    "p >- p [boss=id] k",
    "p >< p via friend [id=a|b=id] fa fb",
    "p >< p via friend [id=b|a=id] fb fa",
  ]);
});

test("relations of other schemas take no part, not even as junctions", async () => {
  const sql = `create schema s; create table a (id int primary key); create table b (id int primary key);
    create table s.j (a int references a, b int references b, primary key (a, b));
    create table s.c (a int references a); create table d (c int); `;
  assert.deepEqual(await relationshipsOf(sql), []);
});

test("a partitioned table has each of its foreign keys once", async () => {
  const sql = `create table a (id int primary key);
    create table p (id int, a int constraint k references a) partition by list (id);
    create table p1 partition of p for values in (1); create table p2 partition of p for values in (2);`;
  assert.deepEqual(await relationshipsOf(sql), ["a -< p [id=a] k", "p >- a [a=id] k"]);
});

test("a request sees relationships to the schema it is made to", async () => {
  const sql = `create schema s; create table a (id int primary key);
    create table b (a int constraint k1 references a); create table s.c (a int constraint k2 references a);`;
  await remake(url, sql);
  const catalog = await readFrom(url, { schemas: ["public", "s"] });
  const a = { schema: "public", name: "a" };
  assert.deepEqual(findRelationships(catalog, a).map(describeRelationship), ["a -< b [id=a] k1"]);
  assert.deepEqual(findRelationships(catalog, a, "s").map(describeRelationship), ["a -< c [id=a] k2"]);
  assert.deepEqual(findRelationships(catalog, { schema: "public", name: "none" }), []);
});

test("functions from row to rows are relationships, and replace those to a relation of their name", async () => {
  const sql = `create table a (id int primary key); create table b (id int primary key, a int constraint k references a);
    create function one(a) returns b language sql as 'select * from b limit 1';
    create function few(a) returns setof b language sql as 'select * from b';
    create function top(a) returns setof b rows 1 language sql as 'select * from b';
    create function self(a) returns setof a language sql as 'select * from a';
    create function more(a, int default 1) returns setof b language sql as 'select * from b';
    create function a(b) returns setof a rows 1 language sql as 'select * from a';`;
  assert.deepEqual(await relationshipsOf(sql), [
    "a -< a by self",
    "a -< b [id=a] k",
    "a -< b by few",
    "a >- b by one",
    "a >- b by top",
    "b >- a by a",
  ]);
});

test("functions of a row are computed columns, also of parents, and nearer schemas win", async () => {
  const sql = `create schema s; create schema other;
    create table parent (x int); create table child (y int) inherits (parent);
    create function up(parent) returns int language sql as 'select 1';
    create function up(child) returns text language sql as 'select ''child''';
    create function sole(parent, int default 2) returns numeric language sql as 'select 2';
    create function needs(parent, int) returns int language sql as 'select 2';
    create function s.up(parent) returns bool language sql as 'select true';
    create function s.far(parent) returns setof date language sql as 'select current_date';
    create function other.hidden(parent) returns int language sql as 'select 3';`;
  await remake(url, sql);
  const catalog = await readFrom(url, { extraSearchPath: ["s"] });
  const columns = (name: string) =>
    [...(catalog.computedColumns.get(JSON.stringify(["public", name]))?.values() ?? [])]
      .map((one) => `${one.function.schema}.${one.name} ${one.set ? "setof " : ""}${one.type} ${one.category}`)
      .toSorted();
  assert.deepEqual(columns("parent"), ["public.sole numeric N", "public.up integer N", "s.far setof date D"]);
  assert.deepEqual(columns("child"), ["public.sole numeric N", "public.up text S", "s.far setof date D"]);
});
