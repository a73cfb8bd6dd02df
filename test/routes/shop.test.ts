import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import type * as Client from "../../examples/shop/client.ts";
import type * as Config from "../../examples/shop/hotpath.config.ts";
import { loadShop } from "../../src/demo/shop.ts";
import { queryRows, testDatabase } from "../support/postgres.ts";
import { withPackageNames } from "../support/package-names.ts";
import { type Answer, serveApi } from "../support/server.ts";

const ROOT = new URL("../../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, ROOT), "utf8");

for (const [guide, folder] of [
  ["routes", "shop"],
  ["mounting", "mounted"],
]) {
  test(`the guide ${guide} shows the examples as they are`, () => {
    const shown = [...read(`docs/guide/${guide}.md`).matchAll(/^```ts\n(.*?)^```/gms)].map(([, block]) => block);
    const files = readdirSync(new URL(`examples/${folder}/`, ROOT)).filter((name) => name.endsWith(".ts"));
    assert.deepEqual(new Set(shown), new Set(files.map((name) => read(`examples/${folder}/${name}`))));
  });
}

function example<Module>(name: string): Promise<Module> {
  return withPackageNames(async () => (await import(new URL(`examples/shop/${name}`, ROOT).href)) as Module);
}

test("the shop's routes do what the guide says", async (t) => {
  const url = await testDatabase(t);
  await loadShop(url, { scale: 0.01 });
  process.env["DATABASE_URL"] = url;
  const { default: shop } = await example<typeof Config>("hotpath.config.ts");
  const { buy } = await example<typeof Client>("client.ts");
  const api = await serveApi(t, shop);
  // Once a table's replies are cached, changes are followed.
  while (!isHit(await api.get("/users?id=eq.1")));
  const summary = (await api.json("/users/1/summary")) as { user: object; orders: unknown[]; spent: number };
  assert.deepEqual(Object.keys(summary.user), ["id", "username"], "the email stays inside");
  assert.equal((await api.get("/users/99999/summary")).status, 404);
  assert.equal((await api.get("/users/none/summary")).status, 400);
  const page = (await api.json("/orders-feed?limit=3&fields=id,status&status=paid")) as {
    items: object[];
    next: string;
  };
  assert.deepEqual(
    page.items.map((item) => Object.keys(item)),
    [
      ["id", "status"],
      ["id", "status"],
      ["id", "status"],
    ],
  );
  const basket = await api.send("POST", "/basket", JSON_TYPE, '{"products":[3,1,99999]}');
  assert.deepEqual(
    (JSON.parse(basket.text) as ({ id: number } | null)[]).map((found) => found?.id),
    [3, 1, undefined],
  );
  await queryRows(url, "update products set stock = 5, price = 2.5 where id in (1, 2)");
  const order = (items: object[]) => api.send("POST", "/checkout", JSON_TYPE, JSON.stringify({ user: 1, items }));
  const placed = await order([
    { product: 1, quantity: 2 },
    { product: 2, quantity: 1 },
  ]);
  assert.deepEqual([placed.status, JSON.parse(placed.text).total], [201, 7.5]);
  const newest = (await api.json("/users/1/summary")) as { orders: { id: number }[] };
  assert.equal(newest.orders[0]?.id, JSON.parse(placed.text).id, "what was cached is gone");
  while (!isHit(await api.get("/users/1/summary")));
  // Whoever changes it.
  await queryRows(url, "update users set username = 'grace' where id = 1");
  while (!(await api.get("/users/1/summary")).text.includes('"grace"'));
  const bought = await buy(api.url, 2, [1, 2, 99_999]);
  assert.equal(bought.newest?.id, bought.order.id);
  await queryRows(url, "update products set stock = stock + 1 where id in (1, 2)");
  const report = (await api.get("/orders-report?status=paid")).text.trimEnd().split("\n");
  const paid = await queryRows(url, "select count(*)::int as n from orders where status = 'paid'");
  assert.equal(report.length, paid[0]?.["n"]);
  assert.deepEqual(Object.keys(JSON.parse(report[0] ?? "") as object), ["id", "username", "total", "created_at"]);
  const counted = "select count(*)::int as n from orders";
  const [before] = await queryRows(url, counted);
  const short = await order([
    { product: 2, quantity: 1 },
    { product: 1, quantity: 4 },
  ]);
  assert.equal(short.status, 409);
  const { code, product, left } = JSON.parse(short.text);
  assert.deepEqual({ code, product, left }, { code: "sold_out", product: 1, left: 3 });
  assert.equal((await order([{ product: 99_999, quantity: 1 }])).status, 404);
  assert.deepEqual((await queryRows(url, counted))[0], before, "nothing is left of it");
  assert.deepEqual(await queryRows(url, "select stock from products where id = 2"), [{ stock: 4 }]);
  assert.equal(((await api.json("/bestsellers")) as unknown[]).length, 10);
  const reader = (await fetch(`${api.url}/orders-news`)).body?.pipeThrough(new TextDecoderStream()).getReader();
  const told = reader?.read();
  let text = "";
  // It begins with orders that come after it: one is placed until it has told of one.
  while (text === "") {
    await order([{ product: 2, quantity: 1 }]);
    await queryRows(url, "update products set stock = 5 where id = 2");
    text = await Promise.race([told?.then((chunk) => chunk.value ?? "") ?? "", api.get("/bestsellers").then(() => "")]);
  }
  assert.match(text, /^event: order\nid: \d+\ndata: \{"id":\d+/);
  await reader?.cancel();
});

function isHit({ headers }: Answer): boolean {
  return String(headers["cache-status"]).includes("hit");
}

const JSON_TYPE = { "content-type": "application/json" };
