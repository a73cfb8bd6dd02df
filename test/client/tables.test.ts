import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { Database } from "../../examples/typed-client/database.ts";
import type * as Orders from "../../examples/typed-client/orders.ts";
import { ApiError, createClient, createTables, type Tables } from "../../src/client/index.ts";
import { loadShop } from "../../src/demo/shop.ts";
import { runHotpath } from "../cli/run-hotpath.ts";
import { testDatabase } from "../support/postgres.ts";
import { withPackageNames } from "../support/package-names.ts";
import { type ServedApi, serve } from "../support/server.ts";

const ROOT = new URL("../../", import.meta.url);
const EXAMPLE = new URL("examples/typed-client/", ROOT);

async function shopServer(t: Parameters<typeof testDatabase>[0]): Promise<{ database: string; api: ServedApi }> {
  const database = await testDatabase(t);
  await loadShop(database, { scale: 0.01 });
  return { database, api: await serve(t, database, { base: "/api" }) };
}

test("the example's types are those that hotpath types prints, and the guide shows it", async (t) => {
  const { database } = await shopServer(t);
  const { out, status } = await runHotpath(["types", database]);
  assert.equal(status, 0);
  assert.equal(readFileSync(new URL("database.ts", EXAMPLE), "utf8"), out);
  const guide = readFileSync(new URL("docs/guide/typed-client.md", ROOT), "utf8");
  assert.ok(guide.includes(readFileSync(new URL("orders.ts", EXAMPLE), "utf8")));
});

test("the example does what it says", async (t) => {
  const { api } = await shopServer(t);
  const { openShop, overview, review, sumOf } = await withPackageNames(
    async () => (await import(new URL("orders.ts", EXAMPLE).href)) as typeof Orders,
  );
  const shop = openShop(`${api.url}/api`);
  const { user, orders } = await overview(shop, 1);
  assert.deepEqual(Object.keys(user ?? {}), ["id", "username", "country"]);
  const expected = await api.json(
    "/api/orders?select=id,total,status&user_id=eq.1&status=in.(paid,shipped)&total=gte.10&order=created_at.desc,id&limit=5",
  );
  assert.deepEqual(orders, expected);
  const [{ sum }] = (await api.json("/api/customer_totals?select=sum:spent&limit=1")) as [{ sum: number }];
  assert.equal(typeof sum, "number");
  const all = (await api.json("/api/orders?select=total&status=eq.delivered")) as { total: number }[];
  assert.ok(all.length > 100, "more than one page");
  const exact = all.reduce((whole, { total }) => whole + total, 0);
  assert.ok(Math.abs((await sumOf(shop, "delivered")) - exact) < 0.01);
  const product = await shop.products.insert({ name: "New", category_id: 1, sku: "new", price: 1 });
  const id = product[0]?.id ?? 0;
  const first = await review(shop, id, 1, 5, "one");
  assert.deepEqual(await review(shop, id, 1, 5, "one"), first, "sent again, it is carried out once");
  assert.equal(await review(shop, id, 1, 5, "two"), "reviewed before");
});

test("reads of one tick share a request, and each gets its own answer or error", async (t) => {
  const { api } = await shopServer(t);
  const sent: string[] = [];
  const client = createClient({
    fetch: async (input, init) => {
      const { method, url } = new Request(input, init);
      sent.push(`${method} ${new URL(url).pathname}`);
      return fetch(input, init);
    },
  });
  const shop = createTables<Database>(`${api.url}/api`, { client });
  const ids = Array.from({ length: 120 }, (_, place) => place + 1);
  const users = await Promise.all(ids.map(async (id) => shop.users.get(id, { select: ["id"] })));
  for (const [place, user] of users.entries()) assert.ok(user === undefined || user.id === ids[place]);
  assert.ok(users.filter((user) => user !== undefined).length > 50);
  assert.deepEqual(sent.splice(0), ["POST /batch", "POST /batch"]);
  await shop.users.list({ limit: 1 });
  assert.deepEqual(sent.splice(0), ["GET /api/users"]);
  const [good, bad] = await Promise.allSettled([
    shop.users.list({ limit: 1 }),
    (shop as unknown as Record<string, typeof shop.users>)["nothing"]?.list(),
  ]);
  assert.equal(good.status, "fulfilled");
  assert.ok(bad.status === "rejected" && bad.reason instanceof ApiError && bad.reason.status === 404);
  // Without batches the same.
  const plain = createTables<Database>(`${api.url}/api`, { batchPath: null });
  assert.deepEqual(await Promise.all(ids.map(async (id) => plain.users.get(id, { select: ["id"] }))), users);
  const moved = createTables<Database>(`${api.url}/api`, { batchPath: "/elsewhere" });
  const two = await Promise.all([moved.users.get(1, { select: ["id"] }), moved.users.get(2, { select: ["id"] })]);
  assert.deepEqual(two, users.slice(0, 2));
});

test("filters say what they mean, whatever their values hold", async (t) => {
  const { api } = await shopServer(t);
  const shop = createTables<Database>(`${api.url}/api`);
  for (const title of ['a "quoted", (one)', "null", "*", "a,b", "é\\", "eq.1"]) {
    const [stored] = await shop.reviews.insert({ product_id: 1, user_id: 2, rating: 5, title, body: null });
    const of = { product_id: 1, user_id: 2 };
    assert.equal((await shop.reviews.list({ where: { ...of, title } })).length, 1, title);
    assert.equal((await shop.reviews.list({ where: { ...of, title: [title, "other"] } })).length, 1, title);
    assert.equal((await shop.reviews.list({ where: { ...of, title: { not: [title] } } })).length, 0, title);
    assert.equal((await shop.reviews.list({ where: { ...of, body: null, title: { neq: "x" } } })).length, 1, title);
    assert.equal((await shop.reviews.update({ id: stored!.id }, { rating: 1 }))[0]?.rating, 1);
    assert.equal((await shop.reviews.remove({ id: stored!.id, rating: { lte: 1 } })).length, 1);
  }
  await assert.rejects(shop.reviews.remove({}), /there are none/);
  assert.equal(await shop.users.get(99_999_999), undefined);
});

test("a call that is cancelled ends, alone or among others", async (t) => {
  const { api } = await shopServer(t);
  const shop = createTables<Database>(`${api.url}/api`, { client: createClient({ retries: 0 }) });
  const controller = new AbortController();
  const cancelled = shop.users.list({ limit: 1, signal: controller.signal });
  const other = shop.users.list({ limit: 1 });
  controller.abort();
  await assert.rejects(cancelled, { name: "AbortError" });
  assert.equal((await other).length, 1);
  await assert.rejects(shop.users.list({ signal: AbortSignal.abort() }), { name: "AbortError" });
});

/** What compiles, and what does not: never called. */
export async function types(shop: Tables<Database>): Promise<void> {
  const [order] = await shop.orders.list({
    select: ["id", "status"],
    where: { total: { gt: 5 }, note: null },
    order: ["-id"],
  });
  const status: "pending" | "paid" | "shipped" | "delivered" | "cancelled" | "refunded" | undefined = order?.status;
  assert.ok(status);
  // @ts-expect-error it was not selected
  assert.ok(order?.total);
  // @ts-expect-error there is no such table
  await shop.odrers.list();
  // @ts-expect-error there is no such column to select
  await shop.orders.list({ select: ["totl"] });
  // @ts-expect-error nor to filter by
  await shop.orders.list({ where: { totl: 5 } });
  // @ts-expect-error nor to order by
  await shop.orders.list({ order: ["-totl"] });
  // @ts-expect-error a number is no text
  await shop.orders.list({ where: { total: "five" } });
  // @ts-expect-error nor one of the statuses
  await shop.orders.list({ where: { status: ["paid", "lost"] } });
  // @ts-expect-error numbers have no patterns
  await shop.orders.list({ where: { total: { like: "5*" } } });
  // @ts-expect-error there is no such operator
  await shop.orders.list({ where: { total: { above: 5 } } });
  // @ts-expect-error a review needs a title
  await shop.reviews.insert({ product_id: 1, user_id: 1, rating: 5 });
  // @ts-expect-error a rating is a number
  await shop.reviews.update({ id: 1 }, { rating: "five" });
  // @ts-expect-error views are read
  await shop.customer_totals.insert({});
}
