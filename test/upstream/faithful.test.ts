// What goes through unchanged, and what does not.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { defineApi, upstream } from "../../src/server/define-api.ts";
import { curl, exchange, rawClient } from "../server/listener/harness.ts";
import { defer } from "../support/defer.ts";
import { serveSources } from "../support/server.ts";
import { closedPort, type Echo, echo, serveUpstream, startOrigin } from "./harness.ts";

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
