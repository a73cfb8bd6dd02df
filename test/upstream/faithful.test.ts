// What goes through unchanged, and what does not.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { request as httpRequest } from "node:http";
import {
  connect as connectHttp2,
  createSecureServer,
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { describe, test } from "node:test";
import { defineApi, upstream } from "../../src/server/define-api.ts";
import { devCertificate } from "../../src/server/listener/index.ts";
import { curl, exchange, rawClient, signalOf } from "../server/listener/harness.ts";
import { defer } from "../support/defer.ts";
import { serveSources } from "../support/server.ts";
import { answering, closedPort, type Echo, echo, serveUpstream, startOrigin, startScript } from "./harness.ts";

const portOf = (url: string): number => Number(new URL(url).port);

describe("a request", () => {
  test("goes on with its method, path and query byte for byte", async (t) => {
    const { url } = await startOrigin(t, echo);
    const api = await serveUpstream(t, url);
    const targets = [
      "/",
      "/a//b/../c/./%2e%2E/%61%zz",
      "/?",
      "/a?b=c&b=%20+%&=&&",
      "/%F0%9F%98%80;x=1/",
      "//double",
      "/a'()*!@:$",
    ];
    for (const target of targets) {
      const reply = await exchange(
        portOf(api.url),
        `PROPFIND ${target} HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n`,
      );
      assert.match(reply, /^HTTP\/1\.1 200 /);
      const { method, url: received } = JSON.parse(reply.slice(reply.indexOf("\r\n\r\n") + 4)) as Echo;
      assert.deepEqual([method, received], ["PROPFIND", target]);
    }
  });

  test("keeps end-to-end fields and loses those for one connection", async (t) => {
    const { url } = await startOrigin(t, echo);
    const api = await serveUpstream(t, url);
    const reply = await exchange(
      portOf(api.url),
      "GET / HTTP/1.1\r\nHost: a.example\r\nAuthorization: Bearer x\r\nCookie: a=1\r\nCookie: b=2\r\nX-Twice: 1\r\nX-Twice: 2\r\n" +
        "Accept-Language: de\r\nX-Private: 1\r\nConnection: close, X-Private\r\nKeep-Alive: timeout=5\r\nTE: trailers\r\n" +
        "Proxy-Connection: keep-alive\r\nProxy-Authorization: Basic x\r\nX-Latin: caf\xe9\r\n\r\n",
    );
    const { headers } = JSON.parse(reply.slice(reply.indexOf("\r\n\r\n") + 4)) as Echo;
    assert.equal(headers["host"], "a.example");
    assert.equal(headers["authorization"], "Bearer x");
    assert.equal(headers["cookie"], "a=1; b=2");
    assert.equal(headers["x-twice"], "1, 2");
    assert.equal(headers["accept-language"], "de");
    assert.equal(Buffer.from(headers["x-latin"] ?? "", "latin1").toString(), "caf\xe9");
    assert.equal(headers["connection"], "keep-alive");
    for (const name of ["x-private", "keep-alive", "te", "proxy-connection", "proxy-authorization", "content-length"]) {
      assert.equal(headers[name], undefined, name);
    }
  });

  test("brings its content, of known and of unknown length", async (t) => {
    const { url } = await startOrigin(t, echo);
    const api = await serveUpstream(t, url);
    const large = "x".repeat(100_000);
    for (const [body, headers] of [
      ["small", ["-H", "Content-Type: text/plain"]],
      [large, ["-H", "Expect:"]],
      ["chunked", ["-H", "Transfer-Encoding: chunked"]],
      ["", ["-H", "Content-Type: text/plain"]],
    ] as const) {
      const reply = await curl("-X", "POST", "--data-binary", body, ...headers, `${api.url}/`);
      const received = JSON.parse(reply.slice(reply.indexOf("\r\n\r\n") + 4)) as Echo;
      assert.equal(received.body.length, body.length);
      const isChunked = body === "chunked";
      assert.equal(received.headers["content-length"], isChunked ? undefined : String(body.length));
      assert.equal(received.headers["transfer-encoding"], isChunked ? "chunked" : undefined);
    }
  });

  test("with Expect: 100-continue is answered and forwarded without it", async (t) => {
    const { url } = await startOrigin(t, echo);
    const api = await serveUpstream(t, url);
    const client = rawClient(
      portOf(api.url),
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n",
    );
    await client.until(/100 Continue\r\n\r\n/);
    client.send("ok");
    const { received } = await client.ended();
    assert.match(received, /"body":"ok"/);
    assert.doesNotMatch(received, /"expect"/);
  });

  test("GET has no content unless the client sent some", async (t) => {
    const { url } = await startOrigin(t, echo);
    const api = await serveUpstream(t, url);
    const plain = (await api.json("/")) as Echo;
    assert.deepEqual([plain.headers["content-length"], plain.headers["transfer-encoding"]], [undefined, undefined]);
    const reply = await curl("-X", "GET", "--data-binary", "query", `${api.url}/`);
    assert.match(reply, /"body":"query"/);
  });

  test("tells the upstream about the client and believes nothing that clients say", async (t) => {
    const { url } = await startOrigin(t, echo);
    const claims = {
      "x-forwarded-for": "6.6.6.6",
      "x-forwarded-proto": "https",
      "x-forwarded-host": "evil.example",
      "x-forwarded-port": "1",
      forwarded: "for=6.6.6.6",
      "x-real-ip": "6.6.6.6",
      host: "shop.example",
    };
    const untrusting = await serveUpstream(t, url, { forwarded: "both" });
    const { headers } = JSON.parse((await untrusting.get("/", claims)).text) as Echo;
    assert.deepEqual(
      ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "forwarded", "x-real-ip"].map(
        (name) => headers[name],
      ),
      ["127.0.0.1", "http", "shop.example", undefined, 'for=127.0.0.1;host="shop.example";proto=http', undefined],
    );
    const trusting = await serveUpstream(t, url, { forwarded: "both", trustedProxies: ["127.0.0.0/8"] });
    const { headers: believed } = JSON.parse((await trusting.get("/", claims)).text) as Echo;
    assert.deepEqual(
      ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "forwarded", "x-real-ip"].map(
        (name) => believed[name],
      ),
      [
        "6.6.6.6, 127.0.0.1",
        "https",
        "evil.example",
        "1",
        'for=6.6.6.6, for=127.0.0.1;host="shop.example";proto=http',
        "6.6.6.6",
      ],
    );
    const silent = await serveUpstream(t, url, { forwarded: "none", via: null });
    const { headers: plain } = JSON.parse((await silent.get("/", claims)).text) as Echo;
    assert.deepEqual(
      Object.keys(plain).filter((name) => /forwarded|real-ip|via/.test(name)),
      [],
    );
  });

  test("goes below the upstream's path, with or without the mount point", async (t) => {
    const { url } = await startOrigin(t, echo);
    const api = await serveSources(t, {
      "/stripped": upstream(`${url}/v1/`),
      "/kept": upstream(url, {
        stripBasePath: false,
        headers: {
          setRequest: ["X-Env: a, b"],
          removeRequest: ["cookie"],
          setReply: ["x-set: 1"],
          removeReply: ["date"],
        },
      }),
    });
    const seen = async (path: string) => ((await api.json(path)) as Echo).url;
    assert.deepEqual(
      [
        await seen("/stripped/a?b=/stripped"),
        await seen("/stripped"),
        await seen("/stripped?x"),
        await seen("/kept/a"),
        await seen("/kept"),
      ],
      ["/v1/a?b=/stripped", "/v1", "/v1?x", "/kept/a", "/kept"],
    );
    const stripped = JSON.parse((await api.get("/stripped/a")).text) as Echo;
    assert.equal(stripped.headers["x-forwarded-prefix"], "/stripped");
    const ruled = await api.get("/kept/a", { cookie: "secret", "x-env": "theirs" });
    const { headers } = JSON.parse(ruled.text) as Echo;
    assert.deepEqual([headers["x-env"], headers["cookie"], ruled.headers["x-set"]], ["a, b", undefined, "1"]);
  });

  test("that is larger than allowed is refused while it streams, and never ends at the upstream", async (t) => {
    let wasWhole = false;
    const { url } = await startOrigin(t, (message, response) => {
      message.on("end", () => (wasWhole = true)).on("error", () => {});
      message.resume().once("end", () => response.end());
    });
    const api = await serveUpstream(t, url, {}, { http: { maxBodyBytes: "1KiB" } });
    const answer = await exchange(
      portOf(api.url),
      `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n800\r\n${"x".repeat(0x800)}\r\n0\r\n\r\n`,
    );
    assert.match(answer, /^HTTP\/1\.1 413 [^]*HP_BODY_TOO_LARGE/);
    assert.equal(wasWhole, false);
  });

  test("that is answered before all of it was sent gets that answer", async (t) => {
    const { url } = await startOrigin(t, (_message, response) => {
      response.writeHead(403, { "content-type": "text/plain" }).end("not you");
    });
    const api = await serveUpstream(t, url, {}, { http: { maxBodyBytes: "1GiB" } });
    const client = rawClient(portOf(api.url), "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\nfirst");
    assert.match(await client.until(/not you$/), /^HTTP\/1\.1 403 /);
    client.socket.destroy();
  });

  test("that goes round in circles is stopped", async (t) => {
    const port = await closedPort();
    const here = `http://127.0.0.1:${port}`;
    const server = await defineApi({ sources: { "/": upstream(here) } }).listen({
      server: { port, shutdownGrace: "1s" },
      admin: { enabled: false },
      cache: { enabled: false },
      log: { level: "silent" },
    });
    defer(t, () => server.close());
    const reply = await curl(`${here}/`);
    assert.match(reply, /^HTTP\/1\.1 508 [^]*HP_UPSTREAM_LOOP/);
  });

  test("names the host that the option says", async (t) => {
    const { url } = await startOrigin(t, echo);
    for (const [host, expected] of [
      ["preserve", "a.example"],
      ["upstream", new URL(url).host],
      ["auto", "a.example"],
    ] as const) {
      const api = await serveUpstream(t, url, { host });
      assert.equal((JSON.parse((await api.get("/", { host: "a.example" })).text) as Echo).headers["host"], expected);
    }
  });
});

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

describe("an upstream that speaks HTTP/2", () => {
  test("is spoken to by prior knowledge over http", async (t) => {
    const server = createHttp2Server(answer);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    defer(t, () => new Promise((resolve) => server.close(() => resolve())));
    const { port } = server.address() as AddressInfo;
    const api = await serveUpstream(t, `http://127.0.0.1:${port}`, { protocol: "http2" });
    const reply = await curl("-X", "POST", "--data-binary", "x".repeat(100_000), `${api.url}/a`);
    assert.match(reply, /x-version: 2\.0/);
    assert.match(reply, /x{100000}$/);
    const many = await Promise.all(Array.from({ length: 50 }, async () => api.get("/")));
    assert.ok(many.every(({ status }) => status === 200));
  });

  test("is spoken to by ALPN over https, once its certificate is known", async (t) => {
    const certificate = await devCertificate();
    const server = createSecureServer({ ...certificate, allowHTTP1: true }, answer);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    defer(t, () => new Promise((resolve) => server.close(() => resolve())));
    const { port } = server.address() as AddressInfo;
    const api = await serveUpstream(t, `https://localhost:${port}`, { protocol: "http2", retry: { attempts: 0 } });
    const answered = await api.get("/");
    assert.equal(answered.status, 502, "a certificate that nobody vouches for");
    assert.doesNotMatch(answered.text, /certificate|localhost/);
    const directory = await mkdtemp(join(tmpdir(), "hotpath-upstream-"));
    defer(t, () => rm(directory, { recursive: true, force: true }));
    const ca = join(directory, "ca.pem");
    await writeFile(ca, certificate.cert);
    for (const [protocol, version] of [
      ["http2", "2.0"],
      ["http1", "1.1"],
    ] as const) {
      for (const host of ["auto", "preserve"] as const) {
        const trusting = await serveUpstream(t, `https://localhost:${port}`, { protocol, host, tls: { ca } });
        for (const name of ["a.example", "b.example"]) {
          const reply = await trusting.get("/", { host: name });
          assert.deepEqual([reply.status, reply.headers["x-version"]], [200, version], reply.text);
          assert.equal(reply.headers["x-host"], host === "preserve" ? name : `localhost:${port}`);
        }
      }
    }
  });
});

function answer(message: Http2ServerRequest, response: Http2ServerResponse): void {
  response.setHeader("content-type", "text/plain");
  response.setHeader("x-version", message.httpVersion);
  response.setHeader("x-host", message.authority ?? message.headers.host ?? "");
  message.pipe(response);
}
