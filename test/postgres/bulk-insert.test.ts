import assert from "node:assert/strict";
import { once } from "node:events";
import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { queryRows, testDatabase } from "../support/postgres.ts";
import { serve, type ServedApi } from "../support/server.ts";
import { until } from "./pool/fixture.ts";

const SCHEMA = "create table items (id int primary key, note text not null, n int default 7)";
const NOTE = "x".repeat(500);
const MiB = 1024 * 1024;

interface Sent {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
}

/** Sends content that is made while it is sent, so that the client's memory is none of the matter. */
async function stream(
  api: ServedApi,
  path: string,
  headers: Record<string, string>,
  content: Iterable<string>,
): Promise<Sent> {
  const request = open(api, path, headers);
  const replied = once(request, "response") as Promise<[IncomingMessage]>;
  // A server that refuses does not read on.
  void pipeline(Readable.from(content, { objectMode: false }), request).catch(() => undefined);
  const [response] = await replied;
  const chunks = (await response.toArray()) as Buffer[];
  return { status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString() };
}

function open(api: ServedApi, path: string, headers: Record<string, string>): ClientRequest {
  const { hostname, port } = new URL(api.url);
  return httpRequest({ hostname, port, method: "POST", path, headers, agent: false });
}

function* jsonRows(count: number, note = NOTE): Generator<string> {
  for (let id = 1; id <= count; id++) yield `${id === 1 ? "[" : ","}{"id":${id},"note":"${note}"}`;
  yield "]";
}

async function summary(url: string): Promise<unknown> {
  const [row] = await queryRows(url, "select count(*)::int, coalesce(sum(id), 0)::text as sum from items");
  return [row?.["count"], row?.["sum"]];
}

const total = (count: number): unknown => [count, String((count * (count + 1)) / 2)];

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** What is in use, beyond what waits to be collected. */
function bytesInUse(): number {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

test("a hundred thousand rows are inserted in one transaction, in bounded memory", async (t) => {
  const url = await testDatabase(t, { sql: SCHEMA });
  const api = await serve(t, url);
  const before = bytesInUse();
  let most = 0;
  function* watched(): Generator<string> {
    let sent = 0;
    for (const row of jsonRows(100_000)) {
      if (++sent % 10_000 === 0) most = Math.max(most, bytesInUse());
      yield row;
    }
  }
  const answer = await stream(api, "/items", { prefer: "count=exact", "content-type": "application/json" }, watched());
  assert.deepEqual([answer.status, answer.headers["content-range"], answer.text], [201, "*/100000", ""]);
  assert.deepEqual(await summary(url), total(100_000));
  // The content has 52 MB.
  assert.ok(most - before < 32 * MiB, `${Math.round((most - before) / MiB)} MiB in use`);
});

test("long lists", async (t) => {
  const url = await testDatabase(t, { sql: SCHEMA });
  const api = await serve(t, url, { postgres: { maxBulkBytes: "8MiB", pool: { max: 2 } } });
  const rows = 5000;
  const clear = (): Promise<unknown> => queryRows(url, "truncate items");

  await t.test("are taken as CSV and as JSON lines, and answered if that is asked for", async () => {
    function* csv(): Generator<string> {
      yield "note,id\r\n";
      for (let id = 1; id <= rows; id++) yield `"${NOTE}\n",${id}\r\n`;
    }
    assert.equal((await stream(api, "/items", { "content-type": "text/csv" }, csv())).status, 201);
    assert.deepEqual(await summary(url), total(rows));
    await clear();
    const lines = [...jsonRows(rows)].map((row) => (row === "]" ? "" : `${row.slice(1)}\n`));
    const answer = await stream(
      api,
      "/items?select=id,n",
      { "content-type": "application/x-ndjson", prefer: "return=representation" },
      lines,
    );
    assert.equal(answer.status, 201, answer.text);
    assert.deepEqual(
      JSON.parse(answer.text),
      Array.from({ length: rows }, (_, index) => ({ id: index + 1, n: 7 })),
    );
    assert.ok(answer.text.startsWith('[{"id":1,"n":7}, \n {"id":2,'));
  });

  await t.test("are merged with what is there", async () => {
    await queryRows(url, "delete from items where id > 3");
    const merge = { prefer: "resolution=merge-duplicates, missing=default, count=exact" };
    const answer = await stream(api, "/items?columns=id,note,n", merge, jsonRows(rows));
    assert.deepEqual([answer.status, answer.headers["content-range"]], [201, `*/${rows}`]);
    assert.equal((await stream(api, "/items", merge, jsonRows(rows))).status, 200);
    assert.deepEqual(await summary(url), total(rows));
    await clear();
  });

  await t.test("are undone whole, wherever they go wrong", async () => {
    const begun = [...jsonRows(rows)].slice(0, -1);
    for (const [end, status, code] of [
      [[',{"id":1,"note":""}]'], 409, "23505"],
      [[',{"id":null,"note":""}]'], 400, "23502"],
      [[',{"id":0}]'], 400, "PGRST102"],
      [[",]"], 400, "PGRST102"],
      [["}]"], 400, "PGRST102"],
      [[], 400, "PGRST102"],
    ] as const) {
      const answer = await stream(api, "/items", {}, [...begun, ...end]);
      assert.deepEqual([answer.status, (JSON.parse(answer.text) as { code: string }).code], [status, code], end[0]);
    }
    const single = { accept: "application/vnd.pgrst.object+json" };
    assert.equal((await stream(api, "/items", single, jsonRows(rows))).status, 406);
    assert.deepEqual(await summary(url), total(0));
  });

  await t.test("are undone when their client leaves, and hold up nobody else meanwhile", async () => {
    const leaving = open(api, "/items", {});
    leaving.on("error", () => undefined);
    for (const row of [...jsonRows(rows)].slice(0, -1)) leaving.write(row);
    const isInserting =
      "select from pg_stat_activity where state = 'idle in transaction' and datname = current_database()";
    await until(async () => (await queryRows(url, isInserting)).length === 1, "rows are stored");
    assert.equal((await api.send("POST", "/items", {}, '{"id":-1,"note":""}')).status, 201);
    const another = await stream(api, "/items", {}, jsonRows(rows));
    assert.deepEqual([another.status, another.headers["retry-after"]], [503, "1"]);
    leaving.destroy();
    await until(async () => (await queryRows(url, isInserting)).length === 0, "it is undone");
    assert.deepEqual(await summary(url), [1, "-1"]);
    await clear();
    assert.equal((await stream(api, "/items", {}, jsonRows(rows))).status, 201);
    await clear();
  });

  await t.test("have limits, as have their rows, and everything else has the usual one", async () => {
    const long = "x".repeat(2 * MiB);
    const refused = async (
      path: string,
      headers: Record<string, string>,
      content: Iterable<string>,
    ): Promise<string> => {
      const answer = await stream(api, path, headers, content);
      assert.equal(answer.status, 413, answer.text);
      return (JSON.parse(answer.text) as { code: string }).code;
    };
    assert.equal(await refused("/items", {}, jsonRows(20_000)), "HP_BODY_TOO_LARGE");
    assert.equal(await refused("/items", { "content-length": String(9 * MiB) }, [" "]), "HP_BODY_TOO_LARGE");
    assert.equal(await refused("/items", {}, jsonRows(1, long)), "HP_BODY_TOO_LARGE");
    assert.equal(await refused("/items", {}, [`{"id":1,"note":"${long}"}`]), "HP_BODY_TOO_LARGE");
    assert.equal(
      await refused("/items", { "content-type": "application/x-www-form-urlencoded" }, [`note=${long}`]),
      "HP_BODY_TOO_LARGE",
    );
    assert.equal((await api.send("PATCH", "/items?id=eq.1", {}, `{"note":"${long}"}`)).status, 413);
    assert.equal((await stream(api, "/nothing", {}, jsonRows(rows))).status, 404);
    const small = await serve(t, url, { postgres: { maxBulkBytes: null } });
    assert.equal((await stream(small, "/items", {}, jsonRows(rows))).status, 413);
    assert.deepEqual(await summary(url), total(0));
  });
});
