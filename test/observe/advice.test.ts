import assert from "node:assert/strict";
import { test } from "node:test";
import type { DashboardState } from "../../src/observe/dashboard/dashboard.ts";
import type { HttpRequest } from "../../src/http/message.ts";
import { get, postgres } from "../../src/index.ts";
import { openAdvice } from "../../src/observe/advice/index.ts";
import { createMetrics } from "../../src/observe/metrics.ts";
import { SAMPLES_NONE } from "../../src/observe/trace/sampler.ts";
import { createTracer } from "../../src/observe/trace/tracer.ts";
import { testDatabase } from "../support/postgres.ts";
import { type ServedApi, serveSources } from "../support/server.ts";

const SHOP = `
  create table orders (id int primary key, user_id int, note text);
  insert into orders select n, n % 10, repeat('x', 500) from generate_series(1, 1000) n;
  create table events (id int primary key, "userId" int, kind text);
  insert into events select n, n % 5000, 'kind ' || n % 7 from generate_series(1, 60000) n;
  analyze;`;

const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

const LIST = Array.from({ length: 1000 }, (_, at) => ({ id: at, name: `number ${at}`, isThere: true }));

let count = 0;

/** A planted fault each. */
const FAULTY = [
  get("/faulty/repeated", {
    handle: async ({ sql }) => {
      const ids = [1, 2, 3, 4, 5, 6, 7, 8];
      const found = [count++];
      for (const id of ids) found.push((await sql`select note from orders where id = ${id}`).length);
      return found;
    },
  }),
  get("/faulty/sequence", {
    handle: async ({ sql }) => {
      const a = await sql`select count(*), pg_sleep(0.01) from orders`;
      const b = await sql`select max(id), pg_sleep(0.01) from orders`;
      const c = await sql`select min(id), pg_sleep(0.01) from orders`;
      return [count++, a, b, c];
    },
  }),
  get("/faulty/scan", {
    handle: async ({ sql }) => [count++, await sql`select id, kind from events where "userId" = ${count % 5000}`],
  }),
  get("/faulty/uncompressed", { handle: () => [count++, LIST] }),
  get("/faulty/unchanging", { handle: () => ({ always: "the same" }) }),
];

/** The same, done as it should be. */
const CLEAN = [
  get("/clean/one", {
    handle: async ({ sql }) => [count++, await sql`select id from orders where id = any(${[1, 2, 3, 4, 5, 6, 7, 8]})`],
  }),
  get("/clean/gathered", {
    handle: async ({ sql, gather }) => [
      count++,
      await gather({
        a: async () => sql`select count(*), pg_sleep(0.01) from orders`,
        b: async () => sql`select max(id), pg_sleep(0.01) from orders`,
        c: async () => sql`select min(id), pg_sleep(0.01) from orders`,
      }),
    ],
  }),
  get("/clean/found", {
    handle: async ({ sql }) => [count++, await sql`select kind, pg_sleep(0.002) from events where id = ${count}`],
  }),
  get("/clean/whole", {
    handle: async ({ sql }) => [count++, await sql`select kind, count(*) from events group by 1`],
  }),
  get("/clean/compressed", { handle: () => [count++, LIST] }),
  get("/clean/stored", { cache: { maxAge: "1m" }, handle: () => ({ always: "the same" }) }),
  get("/clean/changing", { handle: () => ({ count: count++ }) }),
];

const CODED = { "accept-encoding": "gzip" };

await test("each planted fault of an application is found, with what to write instead, and nothing in the clean one", async (t) => {
  const database = postgres(await testDatabase(t, { sql: SHOP }), {
    queryCache: { enabled: false },
    pool: { max: 8, minIdle: 8 },
  });
  const api = await serveSources(t, { "/": database }, { routes: [...FAULTY, ...CLEAN] });
  const routes = [...FAULTY, ...CLEAN].map(({ path }) => path);
  const expected = [
    "large reply /orders",
    "never changes /faulty/unchanging",
    "never changes /orders",
    "never compressed /faulty/uncompressed",
    "one after another /faulty/sequence",
    "repeated statement /faulty/repeated",
    "unindexed scan /faulty/scan",
  ];
  let found: string[] = [];
  // A reply is only said never to change once it was the same for a while, plans are asked for now and then, and not every request is followed.
  for (let round = 1; round < 25 || !expected.every((each) => found.includes(each)); round++) {
    for (const path of [...routes, "/orders", `/orders?limit=${round}`, `/orders/${1 + (round % 1000)}`]) {
      const headers = path === "/faulty/uncompressed" ? {} : CODED;
      assert.equal((await api.get(path, headers)).status, 200, path);
    }
    found = (await adviceOf(api)).map(({ kind, route }) => `${kind} ${route}`);
  }
  // On a busy machine that happens to anybody.
  assert.deepEqual(found.filter((each) => !each.startsWith("long wait")).sort(), expected);
  const advice = await adviceOf(api);
  const of = (kind: string): DashboardState["advice"][number] | undefined => advice.find((each) => each.kind === kind);
  const repeated = of("repeated statement");
  assert.ok((repeated?.requests ?? 0) >= 3);
  assert.match(repeated?.seen ?? "", /8 times in one request: [^]*select note/);
  assert.match(repeated?.todo ?? "", /any\(\$1\)/);
  const scan = of("unindexed scan");
  assert.match(scan?.seen ?? "", /all 60,000 rows of events are read for some \d+ of them: .*"userId" = /);
  assert.equal(scan?.todo, 'CREATE INDEX CONCURRENTLY ON events ("userId");');
  assert.ok((scan?.ms ?? 0) > 0);
  assert.match(of("never compressed")?.seen ?? "", /^\d+ KiB sent as they are; gzip makes \d+ KiB of \d+ KiB$/);
  assert.match(of("never compressed")?.todo ?? "", /Accept-Encoding/);
  assert.match(of("never changes")?.todo ?? "", /cache/);
  assert.match(await api.metrics(), /hotpath_advice_total\{kind="repeated statement"\} \d+/);
});

test("requests that mostly wait for a connection are told of, once seen more than by chance", () => {
  const warned: object[] = [];
  const log = { ...SILENT, warn: (details: object) => void warned.push(details) };
  const parts = { isCompressing: true, explain: () => Promise.resolve(undefined) };
  const book = openAdvice(parts, log, createMetrics());
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

test("a route of which one URL changes is not said never to change, and the log is told of a route once", () => {
  const warned: object[] = [];
  const log = { ...SILENT, warn: (details: object) => void warned.push(details) };
  const parts = { isCompressing: true, explain: () => Promise.resolve(undefined) };
  const book = openAdvice(parts, log, createMetrics());
  // One follows a hundred requests a second whole.
  let tracer = createTracer({ sampler: SAMPLES_NONE, slowMs: 1000, listeners: [book] });
  const ask = (path: string, etag: string): void => {
    const request = { method: "GET", path, query: "", headers: {} } as unknown as HttpRequest;
    const trace = tracer.begin(request, performance.now());
    assert.ok(trace !== undefined);
    tracer.end(trace, request, "/users/:key", { status: 200, body: "{}", headers: { etag } });
  };
  const askOften = (first: string, second: string): void => {
    tracer = createTracer({ sampler: SAMPLES_NONE, slowMs: 1000, listeners: [book] });
    for (let round = 0; round < 30; round++) {
      ask("/users/1", first);
      ask("/users/2", second);
    }
  };
  for (let round = 0; round < 30; round++) {
    ask("/users/1", '"one"');
    ask("/users/2", `"${Math.floor(round / 5)}"`);
  }
  assert.deepEqual(book.advice, []);
  askOften('"one"', '"two"');
  assert.deepEqual(
    book.advice.map(({ kind, route }) => [kind, route]),
    [["never changes", "/users/:key"]],
  );
  ask("/users/1", '"other"');
  ask("/users/2", '"two"');
  assert.deepEqual(book.advice, []);
  askOften('"other"', '"two"');
  assert.equal(book.advice.length, 1);
  assert.equal(warned.length, 1);
});
