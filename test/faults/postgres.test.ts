// What clients see while the way to the database is disturbed, and what is left when it is not any more.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startFaultProxy, through } from "../support/fault-proxy.ts";
import { queryRows, testDatabase } from "../support/postgres.ts";
import { type Answer, serve, type ServedApi } from "../support/server.ts";
import { describeFailures, DISTURBANCES, load, type Question, recovered } from "./load.ts";

const SCHEMA = `
  create table item (id int primary key, name text not null);
  insert into item select i, 'item ' || i from generate_series(1, 100) i;
  create table long (id int primary key, content text not null);
  insert into long select i, repeat(i::text, 6000) from generate_series(1, 3) i;
  create table entry (token text primary key);
  create function twice(n int) returns int language sql immutable as 'select 2 * n';
`;
const MAX = 4;
/** What a request may take, and what a busy machine may add to that. */
const DEADLINE_MS = 2000;
const SLACK_MS = 15_000;

for (const { name, begin, isTotal = false } of DISTURBANCES) {
  test(`the way to the database is ${name}: replies are right or coded, and everything comes back`, async (t) => {
    const url = await testDatabase(t, { sql: SCHEMA });
    const proxy = await startFaultProxy(t, Number(new URL(url).port));
    const api = await serve(t, through(url, proxy), {
      postgres: { pool: { max: MAX, minIdle: 1, statementTimeout: "1s", connectTimeout: "500ms" } },
      server: { http: { deadline: DEADLINE_MS }, cache: { enabled: false } },
    });
    const writes = createWrites(api);
    const questions = [...reads(api), writes.question, writes.question];
    await recovered(questions, "before");
    begin(proxy);
    const { right, failed, wrong, slowestMs } = await load(questions, { rounds: isTotal ? 2 : 10, clients: 8 });
    t.diagnostic(`${right} right, failed: ${describeFailures(failed)}; slowest ${Math.round(slowestMs)} ms`);
    assert.deepEqual(wrong, []);
    assert.ok(slowestMs < DEADLINE_MS + SLACK_MS, `${slowestMs} ms`);
    assert.ok(isTotal || right > 0, "something gets through");
    proxy.heal();
    await recovered(questions, "after");

    await settled(api, url);
    await writes.check(url);
  });
}

/** Every connection is either free or gone, on both sides. */
async function settled(api: ServedApi, url: string): Promise<void> {
  const until = performance.now() + 20_000;
  for (;;) {
    const metrics = await api.metrics();
    const value = (name: string): number =>
      Number(metrics.match(new RegExp(`^${name} (\\d+)$`, "m"))?.[1] ?? Number.NaN);
    const idle = value('hotpath_pool_connections\\{state="idle"\\}');
    const busy = value('hotpath_pool_connections\\{state="busy"\\}');
    const [row] = await queryRows(
      url,
      `select count(*) filter (where state <> 'idle')::int as working, count(*)::int as all
       from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
       and query not ilike 'listen%' and backend_type = 'client backend'`,
    );
    const state = { busy, waiting: value("hotpath_pool_waiting"), inFlight: value("hotpath_pool_in_flight"), ...row };
    const isQuiet = busy === 0 && state.waiting === 0 && state.inFlight === 0 && row?.["working"] === 0;
    if (isQuiet && idle >= 1 && idle <= MAX && Number(row["all"]) === idle) return;
    assert.ok(performance.now() < until, `left behind: ${JSON.stringify({ idle, ...state })}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function reads(api: ServedApi): readonly Question[] {
  const read = (path: string, expected: string): Question => ({
    label: `GET ${path}`,
    ask: () => api.get(path),
    judge: ({ status, text }) => (status === 200 && text === expected ? undefined : `${status} ${text.slice(0, 200)}`),
  });
  return [
    ...[3, 50, 99].map((id) => read(`/item?id=eq.${id}`, JSON.stringify([{ id, name: `item ${id}` }]))),
    read("/item?select=id&order=id.desc&limit=3", '[{"id":100}, \n {"id":99}, \n {"id":98}]'),
    read("/long?id=eq.2&select=content", JSON.stringify([{ content: "2".repeat(6000) }])),
    read("/rpc/twice?n=21", "42"),
  ];
}

/** Inserts, each of something new. What was acknowledged is there, and nothing is there twice or unasked. */
function createWrites(api: ServedApi): { question: Question; check(url: string): Promise<void> } {
  const sent = new Set<string>();
  const acknowledged = new Set<string>();
  const question: Question = {
    label: "POST /entry",
    async ask(): Promise<Answer> {
      const token = `entry ${sent.size}`;
      sent.add(token);
      const answer = await api.send("POST", "/entry", JSON_CONTENT, JSON.stringify({ token }));
      if (answer.status === 201) acknowledged.add(token);
      return answer;
    },
    judge: ({ status, text }) => (status === 201 ? undefined : `${status} ${text}`),
  };
  return {
    question,
    async check(url) {
      const found = new Set((await queryRows(url, "select token from entry")).map(({ token }) => String(token)));
      assert.deepEqual(
        [...acknowledged].filter((token) => !found.has(token)),
        [],
        "acknowledged and lost",
      );
      assert.deepEqual(
        [...found].filter((token) => !sent.has(token)),
        [],
        "never sent",
      );
    },
  };
}

const JSON_CONTENT = { "content-type": "application/json" };
