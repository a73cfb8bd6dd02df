import assert from "node:assert/strict";
import { type IncomingMessage, request as httpRequest, type ServerResponse } from "node:http";
import { describe, it, type TestContext } from "node:test";
import { gunzipSync } from "node:zlib";
import { passThrough } from "../../support/pass-through.ts";
import { serveSources, type ServedApi } from "../../support/server.ts";
import { createOrigin } from "./harness.ts";

const ROWS = JSON.stringify(Array.from({ length: 500 }, (_, id) => ({ id, name: `user ${id}` })));

describe("a server in front of an HTTP origin", () => {
  it("compresses a stored reply once, names the coding in its tag, and answers 304 from the store", async (t) => {
    let count = 0;
    const api = await serveOrigin(t, (_request, response) => {
      count++;
      response.writeHead(200, { "content-type": "application/json", "cache-control": "max-age=60", etag: '"1"' });
      response.end(ROWS);
    });
    const first = await api.get("/rows", { "accept-encoding": "gzip" });
    const second = await api.get("/rows", { "accept-encoding": "gzip" });
    const third = await api.get("/rows", { "accept-encoding": "gzip" });
    assert.equal(first.headers["etag"], '"1-gzip"');
    assert.equal(second.headers["etag"], '"1-gzip"');
    assert.equal(second.headers["vary"], "Accept-Encoding");
    assert.equal(gunzipSync(first.bytes).toString(), ROWS);
    assert.equal(gunzipSync(second.bytes).toString(), ROWS);
    assert.deepEqual(third.bytes, second.bytes);
    assert.equal((await api.get("/rows")).text, ROWS);
    const unchanged = await api.get("/rows", { "accept-encoding": "gzip", "if-none-match": '"1-gzip"' });
    assert.equal(unchanged.status, 304);
    assert.equal(unchanged.text, "");
    const part = await api.get("/rows", { range: "bytes=0-3" });
    assert.deepEqual([part.status, part.text, part.headers["content-length"]], [206, ROWS.slice(0, 4), "4"]);
    const head = await api.send("HEAD", "/rows");
    assert.equal(head.headers["content-length"], String(Buffer.byteLength(ROWS)));
    assert.equal(count, 1);
  });

  it("keeps Date and Expires of the origin, and leaves its tag out where it sent none and the content is streamed", async (t) => {
    const date = new Date(Date.now() - 5000).toUTCString();
    const expires = new Date(Date.now() + 60_000).toUTCString();
    const api = await serveOrigin(t, (_request, response) => {
      response.writeHead(200, { date, expires, "content-type": "text/plain" });
      response.end("one");
    });
    const first = await api.get("/");
    assert.equal(first.headers["etag"], undefined);
    const second = await api.get("/");
    assert.match(String(second.headers["cache-status"]), /^hotpath; hit; ttl=(60|59)$/);
    assert.deepEqual([second.headers.date, second.headers.expires], [date, expires]);
    assert.ok(Number(second.headers.age) >= 5);
  });

  it("reports a stored 404 and a fresh redirect as the origin gave them", async (t) => {
    let count = 0;
    const api = await serveOrigin(t, (request, response) => {
      count++;
      const isOld = request.url === "/old";
      response.writeHead(isOld ? 301 : 404, isOld ? "Moved" : "Gone fishing", {
        "cache-control": "max-age=60",
        ...(isOld ? { location: "/new" } : {}),
      });
      response.end("no");
    });
    for (let round = 0; round < 2; round++) {
      const [moved, missing] = [await api.get("/old"), await api.get("/missing")];
      assert.deepEqual([moved.status, moved.headers.location], [301, "/new"]);
      assert.deepEqual([missing.status, missing.statusText, missing.text], [404, "Gone fishing", "no"]);
    }
    assert.equal(count, 2);
  });

  it("answers from the store while the origin is away, and says 503 when it has nothing", async (t) => {
    const origin = await createOrigin((_request, response) => {
      response.writeHead(200, { "cache-control": "max-age=0, stale-if-error=60" });
      response.end("one");
    });
    const api = await serveSources(t, { "/": passThrough(origin.url) });
    await api.get("/kept");
    await origin.close();
    const stale = await api.get("/kept");
    assert.deepEqual([stale.status, stale.text], [200, "one"]);
    assert.equal((await api.get("/unknown")).status, 503);
  });

  it("passes a broken reply on as broken, and fetches it anew for the next", async (t) => {
    let count = 0;
    const api = await serveOrigin(t, (_request, response) => {
      response.writeHead(200, { "cache-control": "max-age=60", "content-length": "10" });
      if (++count === 1) response.write("half", () => response.destroy());
      else response.end("0123456789");
    });
    await assert.rejects(api.get("/"), /aborted|socket hang up|ECONNRESET/);
    assert.equal((await api.get("/")).text, "0123456789");
    assert.equal((await api.get("/")).text, "0123456789");
    assert.equal(count, 2);
  });

  it("stores nothing when told not to", async (t) => {
    let count = 0;
    const origin = await createOrigin((_request, response) => {
      response.writeHead(200, { "cache-control": "max-age=60" });
      response.end(String(++count));
    });
    t.after(() => origin.close());
    const api = await serveSources(t, { "/": passThrough(origin.url) }, { cache: { enabled: false } });
    await api.get("/");
    assert.equal((await api.get("/")).text, "2");
  });

  it("asks the origin once for many clients at once, over real connections", async (t) => {
    let count = 0;
    const waiting: ServerResponse[] = [];
    const api = await serveOrigin(t, (_request, response) => {
      count++;
      waiting.push(response);
    });
    const answers = Array.from({ length: 50 }, () => api.get("/hot"));
    // Once another request that came after them all has been handled, all of them are inside.
    while (waiting.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const other = request(`${api.url}/other`);
    while (waiting.length < 2) await new Promise((resolve) => setImmediate(resolve));
    for (const response of waiting) response.writeHead(200, { "cache-control": "max-age=60" }).end("hot");
    assert.ok((await Promise.all(answers)).every(({ text }) => text === "hot"));
    await other;
    assert.equal(count, 2);
  });
});

async function serveOrigin(
  t: TestContext,
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<ServedApi> {
  const origin = await createOrigin(handle);
  t.after(() => origin.close());
  return serveSources(t, { "/": passThrough(origin.url) });
}

async function request(url: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    httpRequest(url, (response) => response.resume().once("end", resolve))
      .once("error", reject)
      .end();
  });
}
