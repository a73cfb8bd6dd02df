import assert from "node:assert/strict";
import { test } from "node:test";
import { events, get, ndjson, postgres } from "../../src/index.ts";
import type { TestScope } from "../support/defer.ts";
import { queryRows, testDatabase } from "../support/postgres.ts";
import { type ServedApi, serveSources } from "../support/server.ts";

const ROWS = `
  create table numbers (n int primary key, big bigint, doc json, text text);
  insert into numbers select n, 9007199254740993 + n, E'{\\n"n": 1}', repeat('x', 1000) from generate_series(1, 3000) n;`;

const routes = [
  get("/numbers", {
    handle: ({ sql, query }) => sql.stream`select n, big, doc from numbers where n > ${query["from"] ?? 0} order by n`,
  }),
  get("/long", {
    handle: ({ sql }) => ndjson(sql.stream`select n, text from numbers, generate_series(1, 1000) order by n`),
  }),
  get("/sum", {
    handle: async ({ sql }) => {
      let sum = 0;
      for await (const { n } of sql.stream<{ n: number }>`select n from numbers order by n`) {
        if (n > 1000) break;
        sum += n;
      }
      return sum;
    },
  }),
  get("/events", {
    handle: ({ sql }) => {
      async function* told() {
        for await (const row of sql.stream`select n, big from numbers where n < 3 order by n`) yield { data: row };
      }
      return events(told());
    },
  }),
  get("/cached", { cache: { maxAge: "1h" }, handle: ({ sql }) => sql.stream`select count(*) as n from numbers` }),
  get("/wrong", { handle: ({ sql }) => sql.stream`select n / 0 as n from numbers` }),
  get("/later", { handle: ({ sql }) => sql.stream`select 1 / (2000 - n) as n from generate_series(1, 5000) n` }),
];

async function served(t: TestScope, pool = {}): Promise<{ api: ServedApi; url: string }> {
  const url = await testDatabase(t, { sql: ROWS });
  return { api: await serveSources(t, { "/tables": postgres(url, { pool }) }, { routes }), url };
}

/** Resolves when the server has no connection in a transaction any more. */
async function untilIdle(url: string): Promise<void> {
  const busy =
    "select count(*)::int as n from pg_stat_activity where datname = current_database() and state = 'idle in transaction' and query like 'FETCH%'";
  while ((await queryRows(url, busy))[0]?.["n"] !== 0);
}

test("rows come as lines, in order and whole, and the connection is free again", async (t) => {
  const { api, url } = await served(t);
  const answer = await api.get("/numbers?from=10");
  assert.equal(answer.headers["content-type"], "application/x-ndjson");
  const lines = answer.text.trimEnd().split("\n");
  assert.equal(lines.length, 2990);
  assert.equal(lines[0], `{"n":11,"big":9007199254741004,"doc":{ "n": 1}}`);
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as { n: number }).n),
    Array.from({ length: 2990 }, (_, place) => 11 + place),
  );
  assert.equal((await api.get("/numbers?from=5000")).text, "");
  assert.deepEqual(await api.json("/sum"), 500_500, "left half way");
  assert.equal((await api.get("/events")).text.split("\n\n")[1], `data: {"n":2,"big":"9007199254740995"}`);
  assert.equal((await api.send("HEAD", "/long")).text, "");
  await untilIdle(url);
});

test("a statement that fails at once is an error, one that fails later breaks off", async (t) => {
  const { api, url } = await served(t);
  assert.equal((await api.get("/wrong")).status, 400);
  assert.equal((await api.get("/numbers?from=x")).status, 400);
  await assert.rejects(fetch(`${api.url}/later`).then((response) => response.text()));
  await untilIdle(url);
});

test("a client that leaves ends its statement, and one that does not read holds no more than its buffers", async (t) => {
  const { api, url } = await served(t, { max: 4 });
  const leaving = new AbortController();
  const response = await fetch(`${api.url}/long`, { signal: leaving.signal });
  const reader = response.body?.getReader();
  await reader?.read();
  // Three million rows, of which the buffers on the way take some hundreds.
  const fetching = "select query from pg_stat_activity where datname = current_database() and query like 'FETCH%'";
  assert.equal((await queryRows(url, fetching)).length, 1);
  const state = `select state from pg_stat_activity where datname = current_database() and query like 'FETCH%' and state = 'idle in transaction'`;
  while ((await queryRows(url, state)).length === 0);
  // Half of the pool streams, the rest is for everybody else.
  const second = await fetch(`${api.url}/long`, { signal: leaving.signal });
  assert.equal(second.status, 200);
  const third = await api.get("/long");
  assert.deepEqual([third.status, third.headers["retry-after"]], [503, "1"]);
  assert.equal((await api.get("/tables/numbers?n=eq.1")).status, 200);
  leaving.abort();
  await untilIdle(url);
  assert.equal((await api.get("/numbers?from=2999")).status, 200);
});

test("a stream is not kept for others", async (t) => {
  const { api, url } = await served(t);
  assert.equal((await api.get("/cached")).text, '{"n":3000}\n');
  await queryRows(url, "delete from numbers where n = 1");
  assert.equal((await api.get("/cached")).text, '{"n":2999}\n');
});
