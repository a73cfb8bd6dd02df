import assert from "node:assert/strict";
import { test } from "node:test";
import { type LoadProgress, loadShop } from "../../src/demo/shop.ts";
import { showProgress } from "../../src/demo/progress.ts";
import { queryRows, runSql, testDatabase } from "../support/postgres.ts";
import { shopChecksum } from "./shop-checksum.ts";

const SCALE = 0.01;

test("two loads of one scale hold the same rows to the last bit, whatever the session's settings", async (t) => {
  const first = await testDatabase(t);
  const second = await testDatabase(t);
  await runSql(second, `alter database "${new URL(second).pathname.slice(1)}" set timezone = 'Asia/Kolkata'`);
  assert.equal(await loadShop(first, { scale: SCALE }), "loaded");
  assert.equal(await loadShop(second, { scale: SCALE }), "loaded");
  assert.equal(await shopChecksum(first), await shopChecksum(second));
});

test("the rows of scale 0.01 are these, on every machine", async (t) => {
  const url = await testDatabase(t);
  await loadShop(url, { scale: SCALE });
  const [counts] = await queryRows(
    url,
    `select (select count(*)::int from users) as users, (select count(*)::int from orders) as orders,
            (select count(*)::int from order_items) as items, (select count(*)::int from products) as products`,
  );
  assert.deepEqual(counts, { users: 100, orders: 1000, items: 2503, products: 10 });
  // A change of this value is a change of the shop: raise SHOP_VERSION with it.
  assert.equal(await shopChecksum(url), "2afad5a4dc5aa5713579631da60260a2");
});

test("a loaded shop is reused, with what was written to it since", async (t) => {
  const url = await testDatabase(t);
  await loadShop(url, { scale: SCALE });
  await runSql(url, "update users set full_name = 'Somebody Else' where id = 1");
  const steps: string[] = [];
  assert.equal(await loadShop(url, { scale: SCALE, onProgress: ({ step }) => steps.push(step) }), "reused");
  assert.deepEqual(steps, []);
  const rows = await queryRows(url, "select full_name, updated_at > created_at as touched from users where id = 1");
  assert.deepEqual(rows, [{ full_name: "Somebody Else", touched: true }]);
  assert.equal(await loadShop(url, { scale: SCALE * 2 }), "loaded");
  assert.deepEqual(await queryRows(url, "select count(*)::int from users"), [{ count: 200 }]);
});

test("totals add up, numbers go on behind the loaded rows, views and functions answer", async (t) => {
  const url = await testDatabase(t);
  await loadShop(url, { scale: SCALE });
  const wrong = await queryRows(
    url,
    `select o.id from orders o join order_items i on i.order_id = o.id
     group by o.id having o.total <> sum(i.quantity * i.unit_price)`,
  );
  assert.deepEqual(wrong, []);
  const added = await queryRows(url, "insert into orders (user_id) values (1) returning id, status::text");
  assert.deepEqual(added, [{ id: 1001, status: "pending" }]);
  const [busiest] = await queryRows(url, "select orders::int from customer_totals order by orders desc limit 1");
  assert.ok(Number(busiest?.["orders"]) > 50, "some users order far more than others");
  assert.equal((await queryRows(url, "select id from bought_together(1, 3)")).length, 3);
  assert.equal((await queryRows(url, "select * from product_sales where units > 0")).length, 10);
});

test("tables of the same name that are not the shop's are left alone", async (t) => {
  const url = await testDatabase(t, { sql: "create table orders (mine text)" });
  await assert.rejects(loadShop(url, { scale: SCALE }), { code: "HP_DATABASE_NOT_EMPTY", message: /: orders$/ });
  assert.deepEqual(await queryRows(url, "select mine from orders"), []);
});

test("two loads at once leave one shop", async (t) => {
  const url = await testDatabase(t);
  const outcomes = await Promise.all([loadShop(url, { scale: SCALE }), loadShop(url, { scale: SCALE })]);
  assert.deepEqual(outcomes.sort(), ["loaded", "reused"]);
});

test("progress never goes back, ends at its total, and is a bar on terminals and lines elsewhere", async (t) => {
  const url = await testDatabase(t);
  const seen: LoadProgress[] = [];
  await loadShop(url, { scale: SCALE, onProgress: (progress) => seen.push(progress) });
  assert.ok(seen.every(({ done }, index) => done >= (seen[index - 1]?.done ?? 0)));
  assert.equal(seen.at(-1)?.done, seen.at(-1)?.total);

  const lines = written(false, seen).split("\n");
  assert.deepEqual(lines.slice(0, 2), ["Loading the shop: 0% tables", "Loading the shop: 0% users"]);
  assert.deepEqual(lines.slice(-2), ["Loading the shop: 100% done", ""]);
  const bar = written(true, seen);
  assert.ok(bar.startsWith(`\rLoading the shop ${"░".repeat(30)}   0% tables\u001B[K\r`), bar);
  assert.ok(bar.endsWith(`\rLoading the shop ${"█".repeat(30)} 100% done\u001B[K\n`), bar);
});

function written(isTTY: boolean, progress: readonly LoadProgress[]): string {
  let text = "";
  let now = 0;
  const show = showProgress({ isTTY, write: (part) => (text += part) }, () => (now += 100));
  for (const each of progress) show(each);
  return text;
}
