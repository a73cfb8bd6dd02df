// What attackers try on gateways with a cache: replies of one request under the name of another, other people's replies, other hosts,
// paths and servers than those that are served.
import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { describe, test } from "node:test";
import { upstream } from "../../src/server/define-api.ts";
import { exchange } from "../server/listener/harness.ts";
import type { TestScope } from "../support/defer.ts";
import { type ServedApi, serveSources } from "../support/server.ts";
import { type Echo, echo, startOrigin, startScript, answering } from "./harness.ts";

const portOf = (url: string): number => Number(new URL(url).port);

async function serveCached(
  t: TestScope,
  handle: (message: IncomingMessage, response: ServerResponse) => void,
): Promise<ServedApi> {
  const { url } = await startOrigin(t, handle);
  return serveSources(t, { "/": upstream(url) });
}

describe("cache poisoning", () => {
  const UNKEYED = [
    "x-forwarded-host",
    "x-forwarded-scheme",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-server",
    "x-forwarded-for",
    "forwarded",
    "x-real-ip",
    "x-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "x-host",
    "x-original-host",
    "x-original-url",
    "x-rewrite-url",
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
  ];

  test("by fields that are not part of the key: the upstream is not told them, or nothing is stored", async (t) => {
    const api = await serveCached(t, (message, response) => {
      const told = UNKEYED.map((name) => String(message.headers[name] ?? "")).join(" ");
      response.setHeader("cache-control", "public, max-age=60");
      response.end(told.includes("evil") ? `poisoned: ${told}` : "clean");
    });
    for (const [at, name] of UNKEYED.entries()) {
      const value = name === "forwarded" ? "host=evil.example" : name.endsWith("url") ? "/evil" : "evil.example";
      await api.get(`/page/${at}`, { [name]: value });
      assert.equal((await api.get(`/page/${at}`)).text, "clean", name);
    }
  });

  test("by content of a GET, and by a body where HEAD has none", async (t) => {
    const api = await serveCached(t, (message, response) => {
      let content = "";
      message.on("data", (chunk: Buffer) => (content += chunk.toString()));
      message.on("end", () => {
        response.setHeader("cache-control", "public, max-age=60");
        response.end(`content ${content}`);
      });
    });
    await api.send("GET", "/page", {}, "evil");
    assert.equal((await api.get("/page")).text, "content ");
  });

  test("by errors that a malformed request causes at the upstream", async (t) => {
    const api = await serveCached(t, (message, response) => {
      const isBad = message.headers["x-bad"] !== undefined;
      response.writeHead(isBad ? 400 : 200, isBad ? {} : { "cache-control": "public, max-age=60" });
      response.end(isBad ? "bad" : "good");
    });
    await api.get("/page", { "x-bad": "\u0001".replace("\u0001", "y") });
    assert.equal((await api.get("/page")).text, "good");
  });

  test("by other spellings of host and target, which are other names", async (t) => {
    const api = await serveCached(t, (message, response) => {
      response.setHeader("cache-control", "public, max-age=60");
      response.end(`${message.headers.host} ${message.url}`);
    });
    const port = portOf(api.url);
    const ask = async (target: string, host: string): Promise<string> => {
      const reply = await exchange(port, `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      return reply.slice(reply.indexOf("\r\n\r\n") + 4);
    };
    for (const host of ["a.example", "a.example:80", "b.example", "a.example."]) {
      for (const target of [
        "/a/b",
        "/a%2fb",
        "/a//b",
        "/a/./b",
        "/%61/b",
        "/a/b?",
        "/a/b?x",
        "/a/b?X",
        "/a/b;x",
        "/A/b",
      ]) {
        assert.equal(await ask(target, host), `${host} ${target}`);
        assert.equal(await ask(target, host), `${host} ${target}`, "also when it is stored");
      }
    }
    // An absolute target names the host, whatever the field says.
    assert.equal(await ask("http://c.example/a/b", "a.example"), "c.example /a/b");
    assert.equal(await ask("/a/b", "a.example"), "a.example /a/b");
  });
});

test("cache deception: a name that ends like a file's makes no reply public", async (t) => {
  const api = await serveCached(t, (message, response) => {
    response.setHeader("content-type", "text/html");
    if (message.url?.includes("private")) response.setHeader("cache-control", "private, max-age=60");
    if (message.url?.includes("no-store")) response.setHeader("cache-control", "no-store");
    response.end(`account of ${message.headers.cookie ?? "nobody"}`);
  });
  const ends = [
    "/x.css",
    "%2fx.css",
    ";x.css",
    "%3bx.css",
    "%23x.css",
    "%3fx.css",
    "%09x.js",
    "/..%2fstatic/x.css",
    "/.png",
    "?x.css",
  ];
  for (const path of ["/account", "/account-private", "/account-no-store"]) {
    for (const end of ends) {
      assert.equal((await api.get(path + end, { cookie: "victim=1" })).text, "account of victim=1");
      assert.equal((await api.get(path + end, { cookie: "attacker=1" })).text, "account of attacker=1", path + end);
      assert.equal((await api.get(path + end)).text, "account of nobody", path + end);
    }
  }
});

describe("host header attacks", () => {
  test("what is no host, or several, does not get through", async (t) => {
    const { url } = await startOrigin(t, echo);
    const api = await serveSources(t, { "/": upstream(url) });
    for (const host of [
      "a, b",
      "a b",
      "a/b",
      "user@a",
      "a?b",
      "a#b",
      "a\\b",
      "a:99999",
      "a:b",
      "[::1",
      "a\tb",
      "",
      "a'\"b",
    ]) {
      const reply = await exchange(portOf(api.url), `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      assert.match(reply, /^HTTP\/1\.1 400 /, host);
    }
    for (const fields of ["Host: a\r\nHost: a", "Host: a\r\nhost: b", "X: y\r\n Host: b", "Host : a"]) {
      assert.match(
        await exchange(portOf(api.url), `GET / HTTP/1.1\r\n${fields}\r\nConnection: close\r\n\r\n`),
        /^HTTP\/1\.1 400 /,
      );
    }
  });

  test("the upstream hears of one host alone", async (t) => {
    const { url } = await startOrigin(t, echo);
    const api = await serveSources(t, { "/": upstream(url, { forwarded: "both" }) });
    const reply = await exchange(
      portOf(api.url),
      "GET http://a.example/ HTTP/1.1\r\nHost: b.example\r\nX-Forwarded-Host: c.example\r\nForwarded: host=d.example\r\nX-Host: e.example\r\nConnection: close\r\n\r\n",
    );
    const { headers } = JSON.parse(reply.slice(reply.indexOf("\r\n\r\n") + 4)) as Echo;
    assert.equal(headers["host"], "a.example");
    assert.equal(headers["x-forwarded-host"], "a.example");
    assert.match(headers["forwarded"] ?? "", /host="a\.example"/);
    assert.doesNotMatch(JSON.stringify(headers), /[bcde]\.example/);
  });
});

test("paths do not climb out of what is mounted, however they are written", async (t) => {
  const { url } = await startOrigin(t, echo);
  const api = await serveSources(t, {
    "/": upstream(`${url}/root`),
    "/api": upstream(`${url}/inner`),
    "/bare": upstream(url),
  });
  const bad = [
    "/..",
    "/../secret",
    "/x/../../secret",
    "/%2e%2e/secret",
    "/.%2E/secret",
    "/..%2fsecret",
    "/..%5csecret",
    "/x/..;/..;/secret",
    "/./../secret",
    "//../secret",
    "/x//../../secret",
    "/%2e%2e%2f%2e%2e%2fsecret",
  ];
  for (const mount of ["", "/api", "/bare"]) {
    for (const path of bad) {
      const reply = await exchange(
        portOf(api.url),
        `GET ${mount}${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
      );
      assert.match(reply, /^HTTP\/1\.1 400 [^]*HP_BAD_REQUEST/, mount + path);
    }
    for (const path of ["/x/../y", "/...", "/a..b", "/..a", "/x/y/%2e%2e/z", "/x?../../y"]) {
      const reply = await exchange(
        portOf(api.url),
        `GET ${mount}${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
      );
      assert.match(reply, /^HTTP\/1\.1 200 /, mount + path);
    }
  }
});

test("redirects and instructions of an upstream are passed on, never followed", async (t) => {
  let reached = 0;
  const { url: inner } = await startOrigin(t, (_message, response) => {
    reached += 1;
    response.end("secret");
  });
  const { url } = await startOrigin(t, (message, response) => {
    const status = Number(message.url?.slice(1));
    response.writeHead(status, {
      location: `${inner}/`,
      "x-accel-redirect": "/etc/passwd",
      refresh: `0; url=${inner}`,
      "cache-control": "max-age=60",
    });
    response.end();
  });
  const api = await serveSources(t, { "/": upstream(url) });
  for (const status of [201, 300, 301, 302, 303, 307, 308]) {
    for (let time = 0; time < 2; time++) {
      const answer = await api.get(`/${status}`);
      assert.deepEqual([answer.status, answer.headers.location], [status, `${inner}/`]);
    }
  }
  assert.equal(reached, 0);
});

test("a client cannot choose which server is asked", async (t) => {
  let reached = 0;
  const { url: inner } = await startOrigin(t, (_message, response) => {
    reached += 1;
    response.end();
  });
  const { url } = await startOrigin(t, echo);
  const api = await serveSources(t, { "/": upstream(url) });
  const host = new URL(inner).host;
  for (const target of [
    `http://${host}/`,
    `//${host}/`,
    `/http://${host}/`,
    `/@${host}/`,
    `/\\${host}/`,
    `http://${host}@a/`,
  ]) {
    await exchange(portOf(api.url), `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  }
  await exchange(portOf(api.url), `CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  assert.equal(reached, 0);
});

test("an upstream's reply stays one reply", async (t) => {
  const heads = [
    "HTTP/1.1 200 OK\r\nx: a\rSet-Cookie: evil=1\r\ncontent-length: 2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nx: a\nSet-Cookie: evil=1\r\ncontent-length: 2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nx: a\0b\r\ncontent-length: 2\r\n\r\nok",
    "HTTP/1.1 200 O\rK\r\ncontent-length: 2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 40\r\n\r\nok",
    "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nx : y\r\ncontent-length: 2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nx:\r\n folded\r\ncontent-length: 2\r\n\r\nok",
  ];
  for (const head of heads) {
    const { url } = await startScript(t, answering(head));
    const api = await serveSources(t, { "/": upstream(url, { retry: { attempts: 0 } }) });
    const reply = await exchange(portOf(api.url), "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert.match(reply, /^HTTP\/1\.1 (?:200|502) /, head);
    assert.doesNotMatch(reply, /^set-cookie/im, head);
    assert.equal([...reply.matchAll(/HTTP\/1\.1 /g)].length, 1, head);
    assert.equal([...reply.matchAll(/^(?:content-length|transfer-encoding):/gim)].length, 1, reply);
  }
});
