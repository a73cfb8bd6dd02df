import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { resolvePostgresSettings } from "../../../src/api/options.ts";
import { loadShop } from "../../../src/demo/shop.ts";
import { adviseIndexes, type IndexAdvice } from "../../../src/postgres/advise/advise.ts";
import { type PlanNode, readPlan, visit } from "../../../src/postgres/advise/plan-tree.ts";
import { workloadOfRequests } from "../../../src/postgres/advise/request-log.ts";
import type { Workload } from "../../../src/postgres/advise/workload.ts";
import { chinookDatabase } from "../../support/chinook.ts";
import { queryRows, runSql, testDatabase, vacuumed } from "../../support/postgres.ts";
import { serve } from "../../support/server.ts";

const CHINOOK = [
  "/track?composer=ilike.*page*&select=name,composer",
  "/track?unit_price=eq.0.99&order=milliseconds.desc&limit=5&select=name,milliseconds",
  "/invoice?billing_country=eq.Germany&order=invoice_date.desc&limit=10&select=invoice_id,total",
  "/invoice?invoice_date=gte.2024-05-01&invoice_date=lt.2024-05-15&select=invoice_id,total",
  "/album?artist_id=eq.90&select=title,track(name)",
  "/artist?artist_id=eq.1",
  "/playlist_track?track_id=eq.7",
  "/customer?limit=10",
];

const SHOP = [
  "/orders?status=eq.refunded&order=total.desc&limit=10&select=id,total",
  "/reviews?rating=eq.1&order=created_at.desc&limit=5&select=id,title",
  "/users?full_name=ilike.*ann*&select=id,full_name",
  "/users/42",
  "/orders?user_id=eq.42&order=created_at.desc&limit=20",
  "/order_items?product_id=eq.3&select=quantity&limit=10",
];

await test("Chinook: every proposal is built on a copy, and the plans show what it is good for", async (t) => {
  const url = await chinookDatabase(t);
  if (url === undefined) return;
  await vacuumed(url);
  const { advice, workload } = await adviseFor(url, CHINOOK);
  await provesItself(t, url, advice, workload);
  // The invoices are 412: they are read whole as quickly.
  assert.deepEqual(tablesOf(advice), ["track", "track", "track"]);
  const duplicate = advice.duplicates.map(({ index, why }) => `${index}: ${why}`);
  assert.deepEqual(duplicate, ["playlist_track_playlist_id_idx: playlist_track_pkey begins with the same keys"]);
});

await test("the demo's shop: every proposal is built on a copy, and the plans show what it is good for", async (t) => {
  const url = await testDatabase(t);
  await loadShop(url, { scale: 0.1 });
  await vacuumed(url);
  const { advice, workload } = await adviseFor(url, SHOP);
  await provesItself(t, url, advice, workload);
  assert.deepEqual(tablesOf(advice), ["orders", "reviews"]);
});

await test("the admin listener tells what a server lacks for what it was asked, and builds nothing", async (t) => {
  const url = await testDatabase(t);
  await loadShop(url, { scale: 0.1 });
  await runSql(url, "drop index orders_user_id_created_at_id_idx");
  await vacuumed(url);
  const api = await serve(t, url, { postgres: { queryCache: { enabled: false } } });
  for (let user = 1; user <= 40; user++) await api.json(`/orders?user_id=eq.${user}&order=created_at.desc,id&limit=5`);
  const answer = await fetch(`${api.adminUrl}/advise`);
  assert.equal(answer.status, 200);
  const [{ path, advice }] = (await answer.json()) as [{ path: string; advice: IndexAdvice }];
  assert.equal(path, "/");
  assert.equal(advice.verification, "estimated");
  const [proposal, ...others] = advice.proposals;
  assert.deepEqual(others, []);
  assert.match(
    proposal?.ddl ?? "",
    /on public\.orders \(user_id, created_at desc, id\);$|on public\.orders \(user_id\);$/,
  );
  const indexes = await queryRows(url, "select count(*)::int as count from pg_indexes where indexname like 'hotpath%'");
  assert.deepEqual(indexes, [{ count: 0 }]);
});

async function adviseFor(
  url: string,
  requests: readonly string[],
): Promise<{ advice: IndexAdvice; workload: Workload }> {
  const settings = resolvePostgresSettings(url, {});
  let workload: Workload | undefined;
  const advice = await adviseIndexes(settings, {
    build: true,
    workload: async (query) => (workload = await workloadOfRequests(query, settings, toStream(requests))),
  });
  assert.deepEqual(advice.skipped, []);
  return { advice, workload: workload! };
}

async function* toStream(requests: readonly string[]): AsyncGenerator<string> {
  yield* requests;
}

/** Builds each proposal alone on a copy, and has the planner say whether it uses it. The plans are what the test leaves behind. */
async function provesItself(t: TestContext, url: string, advice: IndexAdvice, { statements }: Workload): Promise<void> {
  assert.ok(advice.proposals.length > 0);
  for (const { ddl, gains } of advice.proposals) {
    const copy = await testDatabase(t, { template: new URL(url).pathname.slice(1) });
    const name = /concurrently (\S+) on/.exec(ddl)?.[1] ?? "";
    const asked = statements.find(({ text }) => text === gains[0]?.statement);
    assert.ok(asked?.values?.[0]);
    const before = await planOf(copy, asked.text, asked.values[0]);
    for (const statement of ddl.split("\n")) await runSql(copy, statement);
    const after = await planOf(copy, asked.text, asked.values[0]);
    t.diagnostic(`${asked.requests.join(", ")}\n${ddl}\nbefore: ${summary(before)}\nafter:  ${summary(after)}`);
    assert.ok(
      [...visit(after)].some(({ node }) => node["Index Name"] === name),
      `${name} is used`,
    );
    assert.ok(after["Total Cost"] < before["Total Cost"] * 0.8, `${before["Total Cost"]} -> ${after["Total Cost"]}`);
    const foretold = gains[0]!.after.cost;
    assert.ok(
      Math.abs(after["Total Cost"] - foretold) <= 0.3 * foretold,
      `foretold ${foretold}, come ${after["Total Cost"]}`,
    );
  }
}

async function planOf(url: string, text: string, values: readonly (string | null)[]): Promise<PlanNode> {
  const [row] = await queryRows(url, `explain (format json, verbose) ${text}`, values);
  const plan = readPlan(JSON.stringify(row?.["QUERY PLAN"]));
  assert.ok(plan);
  return plan;
}

function summary(plan: PlanNode): string {
  const nodes = [...visit(plan)].map(({ node }) =>
    [node["Node Type"], node["Index Name"] ?? node["Relation Name"]].filter(Boolean).join(" "),
  );
  return `${plan["Total Cost"]}: ${nodes.join(" > ")}`;
}

function tablesOf({ proposals }: IndexAdvice): readonly string[] {
  return proposals.map(({ table }) => table.replace("public.", "")).sort();
}
