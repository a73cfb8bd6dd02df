import assert from "node:assert/strict";
import { test } from "node:test";
import type { DashboardState } from "../../src/observe/dashboard/dashboard.ts";
import type { HttpRequest } from "../../src/http/message.ts";
import { get, postgres } from "../../src/index.ts";
import { AdviceBook } from "../../src/observe/advice.ts";
import { createMetrics } from "../../src/observe/metrics.ts";
import { SAMPLES_NONE } from "../../src/observe/trace/sampler.ts";
import { createTracer } from "../../src/observe/trace/tracer.ts";
import { testDatabase } from "../support/postgres.ts";
import { type ServedApi, serveSources } from "../support/server.ts";

const SHOP = `
  create table orders (id int primary key, user_id int, note text);
  insert into orders select n, n % 10, repeat('x', 500) from generate_series(1, 1000) n;`;

const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

/** A planted fault each, and two routes that do the same as they should. */
const ROUTES = [
  get("/faulty/repeated", {
    handle: async ({ sql }) => {
      const ids = [1, 2, 3, 4, 5, 6, 7, 8];
      const found = [];
      for (const id of ids) found.push(...(await sql<{ note: string }>`select note from orders where id = ${id}`));
      return found.length;
    },
  }),
  get("/faulty/sequence", {
    handle: async ({ sql }) => {
      const a = await sql`select count(*), pg_sleep(0.01) from orders`;
      const b = await sql`select max(id), pg_sleep(0.01) from orders`;
      const c = await sql`select min(id), pg_sleep(0.01) from orders`;
      return [a, b, c].length;
    },
  }),
  get("/clean/one", {
    handle: async ({ sql }) => (await sql`select note from orders where id = any(${[1, 2, 3, 4, 5, 6, 7, 8]})`).length,
  }),
  get("/clean/gathered", {
    handle: async ({ sql, gather }) =>
      Object.keys(
        await gather({
          a: async () => sql`select count(*), pg_sleep(0.01) from orders`,
          b: async () => sql`select max(id), pg_sleep(0.01) from orders`,
          c: async () => sql`select min(id), pg_sleep(0.01) from orders`,
        }),
      ).length,
  }),
];

await test("each planted fault is found, with what to write instead, and nothing in what is clean", async (t) => {
  const url = await testDatabase(t, { sql: SHOP });
  const database = postgres(url, { queryCache: { enabled: false }, pool: { max: 8, minIdle: 8 } });
  const api = await serveSources(t, { "/": database }, { routes: ROUTES });
  const faulty = ["/faulty/repeated", "/faulty/sequence", "/orders"];
  const clean = ["/clean/one", "/clean/gathered", "/orders?limit=5", "/orders/7"];
  for (let round = 0; round < 4; round++) {
    for (const path of [...faulty, ...clean]) assert.equal((await api.get(path)).status, 200, path);
  }
  const found = (await adviceOf(api)).map(({ kind, route }) => `${kind} ${route}`);
  assert.deepEqual(found.filter((each) => !each.startsWith("long wait")).sort(), [
    "large reply /orders",
    "one after another /faulty/sequence",
    "repeated statement /faulty/repeated",
  ]);
  const repeated = (await adviceOf(api)).find(({ kind }) => kind === "repeated statement");
  assert.equal(repeated?.requests, 4);
  assert.match(repeated?.seen ?? "", /8 times in one request: [^]*select note/);
  assert.match(repeated?.todo ?? "", /any\(\$1\)/);
  assert.match(await api.metrics(), /hotpath_advice_total\{kind="repeated statement"\} 4/);
});

test("requests that mostly wait for a connection are told of, once seen more than by chance", () => {
  const warned: object[] = [];
  const log = { ...SILENT, warn: (details: object) => void warned.push(details) };
  const book = new AdviceBook(log, createMetrics());
  const tracer = createTracer({ sampler: SAMPLES_NONE, slowMs: 1000, listeners: [book] });
  const request = { method: "GET", path: "/orders", query: "", headers: {} } as unknown as HttpRequest;
  const ask = (waitMs: number): void => {
    const trace = tracer.begin(request, performance.now() - 100);
    assert.ok(trace !== undefined);
    const attributes = { "db.system.name": "postgresql", "db.query.text": "select 1", "hotpath.pool.wait_ms": waitMs };
    trace.root.begin("SELECT", "client", attributes).end();
    tracer.end(trace, request, "/orders", { status: 200, body: "[]", headers: {} });
  };
  for (let round = 0; round < 5; round++) ask(1);
  ask(10_000);
  ask(10_000);
  assert.deepEqual(book.advice, []);
  ask(10_000);
  assert.deepEqual(
    book.advice.map(({ kind, route, requests }) => [kind, route, requests]),
    [["long wait for a connection", "/orders", 3]],
  );
  ask(10_000);
  assert.equal(warned.length, 1, "the log is told once");
});

async function adviceOf(api: ServedApi): Promise<DashboardState["advice"]> {
  return ((await (await fetch(`${api.adminUrl}/dashboard/state`)).json()) as DashboardState).advice;
}
