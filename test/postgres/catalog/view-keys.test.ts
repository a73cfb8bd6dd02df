import assert from "node:assert/strict";
import { after, suite, test } from "node:test";
import { testDatabase } from "../../support/postgres.ts";
import { describeRelationships, readFrom, relationOf, remake } from "./read-from.ts";

const tables = `
create schema hidden;
create table hidden.item (a int, b int, name text, primary key (b, a));
create table box (id int primary key, "odd } name" text, a int, b int, foreign key (b, a) references hidden.item);
`;

const url = await testDatabase({ after });

suite("the key of a view", () => {
  const views: readonly (readonly [title: string, sql: string, key: readonly string[]])[] = [
    ["is its table's", "create view v as select * from box", ["id"]],
    ["is under the view's own names", "create view v as select 1 as one, id as key from box", ["key"]],
    ["is in the order of the table's key", "create view v as select a as x, b as y from hidden.item", ["y", "x"]],
    ["needs every column of the table's", "create view v as select a, name from hidden.item", []],
    ["is the first of several columns", "create view v as select id as p, id as q from box", ["p"]],
    ["is not an expression", "create view v as select id + 0 as id from box", []],
    ["is not that of a union", "create view v as select id from box union all select id from box", []],
    ["holds in a materialized view", "create materialized view v as select id from box", ["id"]],
    ["passes through a subquery", "create view v as select id from (select id from box) as s", ["id"]],
    [
      "passes through a common table expression",
      "create view v as with s as (select id from box) select id from s",
      ["id"],
    ],
    ["passes through grouping", "create view v as select id, count(*) as n from box group by id", ["id"]],
    ["passes through distinct", "create view v as select distinct id from box", ["id"]],
    [
      "is that of every table shown whole",
      "create view v as select box.id as box, i.* from box join hidden.item i using (a, b)",
      ["box", "b", "a"],
    ],
    [
      "is not mistaken for that of subqueries before, in and after the result",
      `create view v as select (select i.a from hidden.item i limit 1) as a, (select max(i.b) from hidden.item i) as b, box.id
      from box where exists (select a, b from hidden.item i where i.a = box.a)
      group by box.id having count(*) > (select a from hidden.item limit 1) order by (select b from hidden.item limit 1)`,
      ["id"],
    ],
    [
      "is found among names full of the node tree's own signs",
      `create view v as select "odd } name" as "x {", name as "( :resno 1", box.id as "k :resorigtbl 1 \\) }", ' {( ' as "}"
      from box, hidden.item as "{ :targetList ("`,
      ["k :resorigtbl 1 \\) }"],
    ],
    [
      "passes through views of exposed schemas",
      "create view w as select id as i, name from box, hidden.item; create view v as select name, i as id from w",
      ["id"],
    ],
    [
      "survives the renaming of columns below",
      "create view w as select id from box; create view v as select id from w; alter view w rename id to i; alter table box rename id to j",
      ["id"],
    ],
    [
      "ignores rules that are not its query",
      "create view v as select 1 as id; create rule r as on insert to v do instead insert into box (id) values (new.id) returning id",
      [],
    ],
    [
      "does not pass through views of schemas that are neither exposed nor searched",
      "create view hidden.w as select id from box; create view v as select id from hidden.w",
      [],
    ],
  ];
  for (const [title, sql, key] of views) {
    test(title, async () => {
      await remake(url, `${tables}${sql}`);
      assert.deepEqual(relationOf(await readFrom(url), "v").primaryKey, key);
    });
  }

  test("passes through views on the extra search path", async () => {
    const sql = `${tables} create view hidden.w as select id from box; create view v as select id as x from hidden.w`;
    await remake(url, sql);
    const catalog = await readFrom(url, { extraSearchPath: ["hidden"] });
    assert.deepEqual(relationOf(catalog, "v").primaryKey, ["x"]);
    assert.equal(catalog.relations.has("hidden"), false);
  });
});

test("views stand in for tables, also hidden ones, at both ends of a foreign key", async () => {
  const sql = `${tables}
    create view items as select b as x, a as y from hidden.item;
    create view boxes as select id, a as a1, a as a2, b from box;
    create view couple as select box.id, box.a, box.b, i.a as ia, i.b as ib from box join hidden.item i on true;`;
  await remake(url, sql);
  const catalog = await readFrom(url);
  const fromBox = describeRelationships(catalog).filter((line) => line.includes(">-"));
  assert.deepEqual(fromBox.toSorted(), [
    "box >- couple [b=ib,a=ia] box_b_a_fkey",
    "box >- items [b=x,a=y] box_b_a_fkey",
    "boxes >- couple [b=ib,a1=ia] box_b_a_fkey",
    "boxes >- couple [b=ib,a2=ia] box_b_a_fkey",
    "boxes >- items [b=x,a1=y] box_b_a_fkey",
    "boxes >- items [b=x,a2=y] box_b_a_fkey",
    "couple >- couple [b=ib,a=ia] box_b_a_fkey",
    "couple >- items [b=x,a=y] box_b_a_fkey",
  ]);
  const flags = [...catalog.relationships.values()]
    .flat()
    .flatMap((one) =>
      one.kind === "key" && one.from.name === "couple" ? [[one.to.name, one.fromIsView, one.toIsView, one.isSelf]] : [],
    );
  assert.deepEqual(
    flags.find(([to]) => to === "couple"),
    ["couple", true, true, true],
  );
  assert.deepEqual(
    flags.find(([to]) => to === "box"),
    ["box", true, false, false],
  );
});
