import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import type { DashboardState } from "../../src/observe/dashboard/dashboard.ts";
import { findScans } from "../../src/postgres/plan-scans.ts";
import { runSql, testDatabase } from "../support/postgres.ts";
import { serve } from "../support/server.ts";

const SHOP = `
  create function runs() returns boolean language plpgsql volatile as $$ begin
    if current_setting('plan_cache_mode') = 'force_generic_plan' then raise exception 'it was run'; end if;
    return true;
  end $$;
  create table orders (id int primary key, "user" int, note text);
  insert into orders select n, n % 5000, 'note' from generate_series(1, 20000) n;
  create view running as select o.*, runs() as really from orders o where o.id < 3;
  analyze orders;
`;

interface Plan {
  readonly text: string;
  readonly scans: readonly { relation: string; columns: string[]; rows: number; filter: string }[];
  readonly code?: string;
  readonly detail?: string;
}

await test("statements that were sent are planned as the role they were sent for, without running them", async (t) => {
  const url = await testDatabase(t, { sql: SHOP });
  const role = `reader_${randomBytes(4).toString("hex")}`;
  await runSql(url, `create role ${role}; grant select on orders, running to ${role}`);
  const api = await serve(t, url, { postgres: { anonRole: role, queryCache: { enabled: false } } });
  const planOf = async (word: string): Promise<Plan> => {
    const state = (await (await fetch(`${api.adminUrl}/dashboard/state`)).json()) as DashboardState;
    const id = state.statements.find(({ text }) => text.includes(word))?.id ?? "";
    return (await (await fetch(`${api.adminUrl}/dashboard/plan?statement=${id}`)).json()) as Plan;
  };
  assert.equal((await planOf("orders")).code, "HP_NOT_FOUND", "nothing was sent yet");
  assert.equal(((await api.json("/orders?user=eq.7")) as unknown[]).length, 4);
  const plan = await planOf("orders");
  assert.match(plan.text, /Seq Scan on orders/);
  const [scan] = plan.scans;
  assert.deepEqual([scan?.relation, scan?.columns, scan?.rows], ["orders", ['"user"'], 20_000]);
  assert.equal(plan.scans.length, 1);

  assert.equal(((await api.json("/running")) as unknown[]).length, 2);
  assert.match((await planOf("running")).text, /orders/);

  await runSql(url, `revoke select on orders from ${role}`);
  const refused = await planOf("orders");
  assert.deepEqual([refused.code, /permission denied/.test(refused.detail ?? "")], ["HP_UNAVAILABLE", true]);
  await runSql(url, `create index on orders ("user"); grant select on orders to ${role}`);
  const indexed = await planOf("orders");
  assert.match(indexed.text, /Index|Bitmap/);
  assert.deepEqual(indexed.scans, []);
  // The superuser's cluster outlives the database.
  await runSql(url, `drop owned by ${role}; drop role ${role}`);
});

test("columns of a scanned table are told by their alias, whatever they are called", () => {
  assert.deepEqual(namesIn(`(("a b"."x ""y".z = $1) OR ("a b".id = 'other.name'::text))`), ['x "y', "id"]);
  assert.deepEqual(namesIn(`(("a b".note)::text = ANY (($1)::text[]))`), ["note"]);
  assert.deepEqual(namesIn("(other.note = $1)"), []);
});

function planWith(filter: string): string {
  return JSON.stringify([
    {
      Plan: {
        "Node Type": "Aggregate",
        Plans: [
          {
            "Node Type": "Seq Scan",
            "Relation Name": "t",
            Schema: "s",
            Alias: "a b",
            Filter: filter,
            "Plan Rows": 2,
          },
          { "Node Type": "Seq Scan", "Relation Name": "u", Schema: "s", Alias: "u", "Plan Rows": 2 },
        ],
      },
    },
  ]);
}

function namesIn(filter: string): readonly string[] {
  return findScans(planWith(filter)).flatMap(({ names }) => names);
}
