// What of a reply goes through unchanged, and what does not.
import assert from "node:assert/strict";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { describe, test } from "node:test";
import { exchange, rawClient, signalOf } from "../server/listener/harness.ts";
import { defer } from "../support/defer.ts";
import { answering, serveUpstream, startOrigin, startScript } from "./harness.ts";

const portOf = (url: string): number => Number(new URL(url).port);

describe("a reply", () => {
  test("keeps its status, phrase and end-to-end fields", async (t) => {
    const bytes =
      "HTTP/1.1 418 Short And Stout\r\nDate: Mon, 01 Jan 2001 00:00:00 GMT\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Twice: 1\r\nX-Twice: 2\r\n" +
      "Via: 1.0 inner\r\nServer: teapot\r\nConnection: keep-alive, X-Private\r\nX-Private: 1\r\nKeep-Alive: timeout=9\r\nX-Latin: caf\xe9\r\n" +
      "Cache-Control: no-store\r\nContent-Length: 3\r\n\r\ntea";
    const { url } = await startScript(t, answering(bytes));
    const api = await serveUpstream(t, url);
    const reply = await exchange(portOf(api.url), "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert.match(reply, /^HTTP\/1\.1 418 Short And Stout\r\n/);
    assert.match(reply, /\r\ndate: Mon, 01 Jan 2001 00:00:00 GMT\r\n/i);
    assert.match(reply, /\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n/);
    assert.match(reply, /\r\nx-twice: 1\r\nx-twice: 2\r\n/);
    assert.match(reply, /\r\nvia: 1\.0 inner, 1\.1 hotpath\r\n/);
    assert.match(reply, /\r\nserver: teapot\r\n/);
    assert.match(reply, /\r\nx-latin: caf\xe9\r\n/);
    assert.doesNotMatch(reply, /x-private|timeout=9/i);
    assert.equal(reply.match(/\r\ndate:/gi)?.length, 1);
    assert.match(reply, /\r\n\r\ntea$/);
  });

  test("to HEAD, and of 204 and 304, has no content but says what it says", async (t) => {
    const { url } = await startOrigin(t, (message, response) => {
      if (message.url === "/204") response.writeHead(204, { "x-a": "1" }).end();
      else if (message.headers["if-none-match"] === '"v1"') response.writeHead(304, { etag: '"v1"' }).end();
      else response.writeHead(200, { etag: '"v1"', "content-length": "5" }).end("hello");
    });
    const api = await serveUpstream(t, url);
    const head = await api.send("HEAD", "/");
    assert.deepEqual([head.status, head.headers["content-length"], head.text], [200, "5", ""]);
    const none = await api.get("/204");
    assert.deepEqual([none.status, none.headers["x-a"], none.headers["content-length"]], [204, "1", undefined]);
    const same = await api.get("/", { "if-none-match": '"v1"' });
    assert.deepEqual([same.status, same.headers["etag"], same.text], [304, '"v1"', ""]);
  });

  test("is streamed both ways without being held in memory", async (t) => {
    const size = 256 * 1024 * 1024;
    const { url } = await startOrigin(t, (message, response) => {
      message.pipe(response.writeHead(200, { "content-type": "application/octet-stream" }));
    });
    const api = await serveUpstream(t, url, {}, { http: { maxBodyBytes: "1GiB" } });
    const before = process.memoryUsage.rss();
    let peak = before;
    const received = await new Promise<number>((resolve, reject) => {
      const request = httpRequest(`${api.url}/`, { method: "PUT", headers: { "content-length": size } }, (response) => {
        let bytes = 0;
        response.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
          peak = Math.max(peak, process.memoryUsage.rss());
        });
        response.on("end", () => resolve(bytes)).on("error", reject);
      });
      request.on("error", reject);
      const piece = Buffer.alloc(1024 * 1024);
      let sent = 0;
      const more = (): void => {
        while (sent < size) {
          sent += piece.length;
          if (!request.write(piece)) {
            request.once("drain", more);
            return;
          }
        }
        request.end();
      };
      more();
    });
    assert.equal(received, size);
    assert.ok(peak - before < size, `${Math.round((peak - before) / 1e6)} MB more`);
  });

  test("that nobody reads makes the upstream wait", async (t) => {
    let sent = 0;
    const { promise: stalled, resolve } = signalOf();
    const { url } = await startOrigin(t, (_message, response) => {
      const piece = Buffer.alloc(256 * 1024);
      const more = (): void => {
        while (sent < 512 * 1024 * 1024) {
          sent += piece.length;
          if (!response.write(piece)) {
            const timer = setTimeout(resolve, 500);
            response.once("drain", () => (clearTimeout(timer), more()));
            return;
          }
        }
      };
      more();
    });
    const api = await serveUpstream(t, url);
    const client = rawClient(portOf(api.url));
    client.socket.pause();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await stalled;
    assert.ok(sent < 32 * 1024 * 1024, `${sent} bytes taken`);
    client.socket.destroy();
  });

  test("is given up at the upstream when the client leaves", async (t) => {
    const { promise: begun, resolve: begin } = signalOf();
    const { promise: ended, resolve: end } = signalOf();
    const { url } = await startOrigin(t, (message, response) => {
      response.once("close", end);
      if (message.url === "/stream") response.write("first");
      begin();
    });
    for (const path of ["/stream", "/silent"]) {
      const api = await serveUpstream(t, url);
      const client = rawClient(portOf(api.url), `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
      await begun;
      if (path === "/stream") await client.until(/first/);
      client.socket.destroy();
      await ended;
    }
  });

  test("is preceded by early hints and followed by trailers", async (t) => {
    const { url } = await startOrigin(t, (_message, response) => {
      response.writeEarlyHints({ link: "</a.css>; rel=preload; as=style" }, () => {
        response.writeHead(200, { "content-type": "text/plain", trailer: "x-sum" });
        response.write("x".repeat(100_000));
        response.addTrailers({ "x-sum": "42" });
        response.end();
      });
    });
    const api = await serveUpstream(t, url);
    const reply = await exchange(
      portOf(api.url),
      "GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: close\r\n\r\n",
    );
    assert.match(
      reply,
      /^HTTP\/1\.1 103 Early Hints\r\n[Ll]ink: <\/a\.css>; rel=preload; as=style\r\n\r\nHTTP\/1\.1 200 /,
    );
    assert.match(reply, /\r\n0\r\nx-sum: 42\r\n\r\n$/);
    const old = await exchange(portOf(api.url), "GET / HTTP/1.0\r\n\r\n");
    assert.match(old, /^HTTP\/1\.1 200 /);
    const session = connectHttp2(api.url);
    defer(t, () => session.destroy());
    const stream = session.request({ ":path": "/" });
    const [[hints], [trailers]] = await Promise.all([
      once(stream, "headers"),
      once(stream, "trailers"),
      once(stream.resume(), "end"),
    ]);
    assert.deepEqual(
      [hints[":status"], hints["link"], trailers["x-sum"]],
      [103, "</a.css>; rel=preload; as=style", "42"],
    );
  });

  test("that is not coded is compressed, one that is stays as it is", async (t) => {
    const { url } = await startOrigin(t, (message, response) => {
      const coded = message.url === "/coded" ? { "content-encoding": "x-own" } : {};
      response.writeHead(200, { "content-type": "application/json", etag: '"v1"', ...coded });
      response.end(JSON.stringify("x".repeat(5000)));
    });
    const api = await serveUpstream(t, url);
    const plain = await api.get("/", { "accept-encoding": "gzip" });
    assert.deepEqual([plain.headers["content-encoding"], plain.headers["etag"]], ["gzip", '"v1-gzip"']);
    const coded = await api.get("/coded", { "accept-encoding": "gzip" });
    assert.deepEqual(
      [coded.headers["content-encoding"], coded.headers["etag"], coded.bytes.length],
      ["x-own", '"v1"', 5002],
    );
  });

  test("without a validator gets a tag when it is whole, none when it is a stream", async (t) => {
    const { url } = await startOrigin(t, (message, response) => {
      response.setHeader("content-type", "text/plain");
      response.end("x".repeat(message.url === "/long" ? 200_000 : 10));
    });
    const api = await serveUpstream(t, url, { limits: { bufferBytes: "1KiB" } });
    assert.match((await api.get("/short")).headers.etag ?? "", /^"/);
    assert.equal((await api.get("/long")).headers.etag, undefined);
  });

  test("conditions on a coded reply reach the upstream in its own words", async (t) => {
    const { url } = await startOrigin(t, (message, response) => {
      const etag = '"v1"';
      const { "if-none-match": none = "", "if-match": match } = message.headers;
      if (match !== undefined && !match.includes(etag)) response.writeHead(412).end();
      else if (none.includes(etag)) response.writeHead(304, { etag }).end();
      else response.writeHead(200, { etag, "content-type": "text/plain" }).end("x".repeat(5000));
    });
    const api = await serveUpstream(t, url);
    const { etag = "" } = (await api.get("/", { "accept-encoding": "br" })).headers;
    assert.equal(etag, '"v1-br"');
    const same = await api.get("/", { "accept-encoding": "br", "if-none-match": etag });
    assert.deepEqual([same.status, same.headers.etag], [304, etag]);
    assert.equal((await api.send("PUT", "/", { "if-match": etag })).status, 200);
    assert.equal((await api.send("PUT", "/", { "if-match": '"v2"' })).status, 412);
  });
});
