// Content-Encoding on requests: undone, within bounds, for sources that read content; passed on to upstreams as it is.
import assert from "node:assert/strict";
import { test } from "node:test";
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { postgres, upstream } from "../../src/server/define-api.ts";
import { testDatabase } from "../support/postgres.ts";
import { type Answer, type ServedApi, serveSources } from "../support/server.ts";
import { type Echo, echo, startOrigin } from "../upstream/harness.ts";

const MAX_BODY_BYTES = 100_000;
const CODERS = {
  gzip: gzipSync,
  "x-gzip": gzipSync,
  deflate: deflateSync,
  br: brotliCompressSync,
  zstd: zstdCompressSync,
};

async function start(t: Parameters<typeof serveSources>[0]): Promise<ServedApi> {
  const url = await testDatabase(t, { sql: "create table note (id int primary key, words text)" });
  const { url: origin } = await startOrigin(t, echo);
  return serveSources(
    t,
    { "/": postgres(url, { maxBulkBytes: "1MiB" }), "/up": upstream(origin) },
    { http: { maxBodyBytes: MAX_BODY_BYTES } },
  );
}

function post(
  api: ServedApi,
  path: string,
  coding: string,
  content: Uint8Array,
  type = "application/json",
): Promise<Answer> {
  return api.send("POST", path, { "content-type": type, "content-encoding": coding }, content);
}

function codeOf({ text }: Answer): string {
  return (JSON.parse(text) as { code: string }).code;
}

test("coded content is read as what it was", async (t) => {
  const api = await start(t);
  let id = 0;
  for (const [coding, code] of Object.entries(CODERS)) {
    const row = { id: ++id, words: `by ${coding} ${"x".repeat(5000)}` };
    const answer = await post(api, "/note", coding.toUpperCase(), code(JSON.stringify(row)));
    assert.equal(answer.status, 201, answer.text);
    assert.deepEqual(await api.json(`/note?id=eq.${id}`), [row]);
  }
  assert.equal((await post(api, "/note", "identity", Buffer.from('{"id":100}'))).status, 201);
  const lines = Array.from({ length: 2000 }, (_, at) => `{"id":${1000 + at},"words":"${"y".repeat(50)}"}\n`).join("");
  const bulk = await post(api, "/note", "gzip", gzipSync(lines), "application/x-ndjson");
  assert.equal(bulk.status, 201, bulk.text);
  assert.deepEqual(await api.json("/note?select=count&words=like.y*"), [{ count: 2000 }]);
  const batch = await post(api, "/batch", "gzip", gzipSync('{"requests":[{"path":"/note?id=eq.100"}]}'));
  assert.match(batch.text, /"id":100/);
});

test("a few bytes that would become many are refused, soon, and cost no memory", async (t) => {
  const api = await start(t);
  const bombs = Object.entries(CODERS).filter(([coding]) => coding !== "zstd");
  const content = Buffer.alloc(10_000_000, " ");
  const before = process.memoryUsage().arrayBuffers;
  for (const [coding, code] of bombs) {
    const bomb = code(content);
    assert.ok(bomb.length < MAX_BODY_BYTES, `${coding} ${bomb.length}`);
    for (const path of ["/note", "/rpc/nothing", "/batch"]) {
      const answers = await Promise.all(Array.from({ length: 3 }, () => post(api, path, coding, bomb)));
      for (const answer of answers.filter(({ status }) => status !== 404)) {
        assert.deepEqual([answer.status, codeOf(answer)], [413, "HP_BODY_TOO_LARGE"], path);
      }
    }
  }
  const grown = process.memoryUsage().arrayBuffers - before;
  assert.ok(grown < 100_000_000, `${grown} bytes are held`);
  // One that asks for a window of 128 MiB.
  const { constants } = await import("node:zlib");
  const wide = zstdCompressSync(content, { params: { [constants.ZSTD_c_windowLog]: 27 } });
  assert.equal((await post(api, "/note", "zstd", wide)).status >= 400, true);
  assert.equal((await post(api, "/note", "gzip", gzipSync('{"id":1}'))).status, 201, "the server lives on");
});

test("broken, unknown and stacked codings are refused", async (t) => {
  const api = await start(t);
  for (const coding of ["gzip", "br", "zstd", "deflate"]) {
    for (const content of [Buffer.from('{"id":1}'), gzipSync('{"id":1}').subarray(0, 15), Buffer.alloc(0)]) {
      if (coding !== "gzip" && content.length === 15) continue;
      const answer = await post(api, "/note", coding, content);
      assert.equal(answer.status, 400, `${coding}: ${answer.text}`);
    }
  }
  for (const coding of ["compress", "gzip, gzip", "gzip, br", "__proto__", "toString"]) {
    for (const path of ["/note", "/batch"]) {
      const answer = await post(api, path, coding, gzipSync("{}"));
      assert.deepEqual([answer.status, codeOf(answer)], [415, "HP_CONTENT_CODING_UNSUPPORTED"], coding);
      assert.equal(answer.headers["accept-encoding"], "gzip, br, zstd, deflate");
    }
  }
});

test("an upstream gets coded content as it was sent", async (t) => {
  const api = await start(t);
  const content = gzipSync("hello");
  const answer = await post(api, "/up/x", "gzip", content);
  const seen = JSON.parse(answer.text) as Echo;
  assert.equal(seen.headers["content-encoding"], "gzip");
  assert.deepEqual(Buffer.from(seen.body, "latin1"), content);
});
