import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { test, type TestContext } from "node:test";
import { queryRows, testDatabase } from "../support/postgres.ts";
import { sendRequest } from "../support/server.ts";
import { disturb } from "./disturb.ts";
import { clientsOfTwo, poll, startWorkers } from "./harness.ts";

test("kills and reloads under load fail no request (`npm run check:workers` is the long form)", async (t) => {
  const say = (line: string): void => t.diagnostic(line);
  const { failed, answered } = await disturb(t, { kills: 2, reloads: 2, clients: 4, say });
  assert.deepEqual(failed, []);
  assert.ok(answered > 0);
});

test("what one worker purges is gone in all: by tag, by URL, by PURGE", async (t) => {
  const workers = await startWorkers(
    t,
    `{
      cache: { purgeFrom: ["127.0.0.1"] },
      routes: [who, get("/kept", { cache: { maxAge: "10m", tags: () => ["kept"] }, handle: () => ({ at: process.hrtime.bigint().toString() }) })],
    }`,
  );
  const [one, other] = await clientsOfTwo(workers);
  const kept = async (): Promise<string[]> => [(await one.get("/kept")).text, (await other.get("/kept")).text];
  const purges = [
    () => sendRequest(workers.adminUrl, "POST", "/purge?tag=kept", {}),
    () => sendRequest(workers.adminUrl, "POST", `/purge?url=${encodeURIComponent(`${workers.url}/kept`)}`, {}),
    () => sendRequest(workers.adminUrl, "POST", "/purge?all", {}),
    () => one.send("PURGE", "/kept"),
    () => other.send("PURGE", "/kept"),
  ];
  let before = await kept();
  assert.deepEqual(await kept(), before);
  for (const purge of purges) {
    assert.equal((await purge()).status, 200);
    const after = await kept();
    assert.ok(after[0] !== before[0] && after[1] !== before[1], "no worker gives what was purged");
    assert.deepEqual(await kept(), after);
    before = after;
  }
  one.close();
  other.close();
});

test("who writes by one worker reads it by another, from caches that one consumer of the log keeps current", async (t) => {
  const url = await testDatabase(t, {
    sql: "create table items (id int primary key, n int not null); insert into items select n, 0 from generate_series(1, 20) n",
  });
  const workers = await startWorkers(t, `{ sources: { "/": postgres(${JSON.stringify(url)}) }, routes: [who] }`);
  const [one, other] = await clientsOfTwo(workers);
  const isHit = async (client: typeof one, path: string): Promise<boolean> =>
    /\bhit\b/.test(String((await client.get(path)).headers["cache-status"]));
  await poll(async () => isHit(one, "/items?id=eq.1"), "the first worker caches");
  await poll(async () => isHit(other, "/items?id=eq.1"), "the second worker caches");
  const [slots] = await queryRows(
    url,
    "select count(*)::int as active from pg_replication_slots where database = current_database() and active",
  );
  assert.deepEqual(slots, { active: 1 });
  for (let round = 1; round <= 30; round++) {
    const [writer, reader] = round % 2 === 0 ? [one, other] : [other, one];
    const id = (round % 5) + 1;
    const path = `/items?id=eq.${id}`;
    await reader.get(path);
    const written = await writer.send("PATCH", path, JSON.stringify({ n: round }));
    assert.equal(written.status, 204, written.text);
    assert.deepEqual(JSON.parse((await reader.get(path)).text), [{ id, n: round }]);
    assert.deepEqual(JSON.parse((await writer.get(path)).text), [{ id, n: round }]);
  }
  one.close();
  other.close();
});

test("a limit is exact, whichever worker a request comes to", async (t) => {
  const workers = await startWorkers(
    t,
    `{
      routes: [who, get("/limited", { handle: () => ({}) }), get("/leased", { handle: () => ({}) })],
      limits: [
        { name: "exact", quota: 20, window: "10m", by: "ip", algorithm: "sliding-log", routes: ["/limited"] },
        { name: "leased", quota: 20, window: "10m", by: "ip", algorithm: "fixed-window", lease: 4, routes: ["/leased"] },
      ],
    }`,
  );
  const clients = await clientsOfTwo(workers);
  const granted = async (path: string): Promise<number> => {
    const statuses = await Promise.all(
      Array.from({ length: 60 }, async (_, at) => (await clients[at % 2]!.get(path)).status),
    );
    return statuses.filter((status) => status === 200).length;
  };
  assert.equal(await granted("/limited"), 20);
  const leased = await granted("/leased");
  assert.ok(leased <= 20 && leased >= 20 - 2 * 3, `${leased} of 20 by leases`);
  for (const client of clients) client.close();
});

test("one admin listener tells of all workers, and what ended ones have counted stays", async (t) => {
  const workers = await startWorkers(t, `{ routes: [who] }`);
  const clients = await clientsOfTwo(workers);
  const counted = () => workers.metric(/^api_requests_total\{.*endpoint="\/who"/);
  const before = await counted();
  for (const client of clients) for (let at = 0; at < 25; at++) await client.get("/who");
  assert.equal(await counted(), before + 50);
  assert.equal(await workers.metric(/^api_request_duration_seconds_count\{.*endpoint="\/who"/), before + 50);
  const { text } = await sendRequest(workers.adminUrl, "GET", "/metrics", {});
  for (const slot of [1, 2])
    assert.match(text, new RegExp(`^process_resident_memory_bytes\\{worker="${slot}"\\} `, "m"));
  assert.ok(await workers.reload());
  assert.ok((await counted()) >= before + 50, "counters do not fall");
  const state = JSON.parse((await sendRequest(workers.adminUrl, "GET", "/dashboard/state", {})).text) as {
    readonly gauges: readonly { readonly labels: Record<string, string> }[];
  };
  assert.deepEqual(new Set(state.gauges.map(({ labels }) => labels["worker"])), new Set(["1", "2"]));
  for (const client of clients) client.close();
});

test("a configuration that does not come up leaves the old one serving", async (t) => {
  const workers = await startWorkers(t, `{ routes: [who, get("/version", { handle: () => ({ version: 1 }) })] }`);
  const client = workers.client();
  await workers.configure(`{ routes: [get("/version", { handle: () => ({ version: 2 }) })], nonsense: true }`);
  assert.equal(await workers.reload(), false);
  assert.match((await client.get("/version")).text, /1/);
  assert.equal(await workers.ready(), 2);
  await workers.configure(`{ routes: [who, get("/version", { handle: () => ({ version: 3 }) })] }`);
  assert.equal(await workers.reload(), true);
  await poll(async () => (await client.get("/version")).text.includes("3"), "the new configuration answers");
  client.close();
});

test("workers are for hotpath serve: a program that listens itself is told so", async () => {
  const { defineApi, get } = await import("../../src/index.ts");
  const api = defineApi({ server: { workers: "2" }, routes: [get("/", { handle: () => ({}) })] });
  await assert.rejects(api.listen({ server: { port: 0 } }), { code: "HP_OPTION_INVALID", message: /hotpath serve/ });
});

test("a new worker gets its share of connections that clients keep", async (t) => {
  const workers = await startWorkers(t, `{ routes: [who] }`);
  const clients = Array.from({ length: 4 }, () => workers.client());
  const seen = async (): Promise<Set<number>> => new Set(await Promise.all(clients.map((client) => client.worker())));
  const [first = 0] = await seen();
  process.kill(first, "SIGKILL");
  await poll(async () => (await workers.metric(/^hotpath_workers_ended_total/)) === 1, "the end is noticed");
  await poll(async () => {
    const pids = await seen().catch(() => new Set<number>());
    return pids.size === 2 && !pids.has(first);
  }, "both workers answer them");
  for (const client of clients) client.close();
});

test("HTTP/2 and TLS come through to workers, too", async (t) => {
  const plain = await startWorkers(t, `{ routes: [who] }`);
  assert.equal(await statusByHttp2(t, plain.url), 200);
  const secure = await startWorkers(t, `{ routes: [who] }`, ["--dev-tls"]);
  assert.equal(await statusByHttp2(t, secure.url.replace("http:", "https:")), 200);
});

async function statusByHttp2(t: TestContext, url: string): Promise<unknown> {
  const session = connectHttp2(url, { rejectUnauthorized: false });
  t.after(() => session.destroy());
  const stream = session.request({ ":path": "/who" });
  stream.resume();
  const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
  return headers[":status"];
}
