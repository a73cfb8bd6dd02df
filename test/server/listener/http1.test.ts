import assert from "node:assert/strict";
import { once } from "node:events";
import { Readable } from "node:stream";
import { text as readText } from "node:stream/consumers";
import { test } from "node:test";
import type { HttpRequest } from "../../../src/http/message.ts";
import { exchange, rawClient, signalOf, startListener, text } from "./harness.ts";
import { listenerDefaults } from "../../../src/server/listener/settings.ts";

const last = "connection: close\r\n\r\n";

test("malformed and oversized requests get a problem, a closed connection, and no handler", async (t) => {
  let handled = 0;
  const { port } = await startListener(t, () => (handled++, text("ok")), { maxHeadersCount: 20 });
  const cases: [request: string, status: number][] = [
    ["nonsense\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nhost: a\r\nHOST: b\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nhost: \r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nhost: user@a\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nhost: a, b\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nhost: a/b\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nhost: a:99999\r\n\r\n", 400],
    ["GET * HTTP/1.1\r\nhost: a\r\n\r\n", 400],
    ["GET a HTTP/1.1\r\nhost: a\r\n\r\n", 400],
    ["GET /#a HTTP/1.1\r\nhost: a\r\n\r\n", 400],
    ["GET /a\\b HTTP/1.1\r\nhost: a\r\n\r\n", 400],
    ["GET /a%0d%0ab?c HTTP/1.1\r\nhost: a\r\n\r\n", 400],
    ["GET /a%00 HTTP/1.1\r\nhost: a\r\n\r\n", 400],
    ["GET http://a/{b} HTTP/1.1\r\nhost: a\r\n\r\n", 400],
    ["GET /?a#b HTTP/1.1\r\nhost: a\r\n\r\n", 400],
    ["GET ftp://a/ HTTP/1.1\r\nhost: a\r\n\r\n", 400],
    ["GET http://user@a/ HTTP/1.1\r\nhost: a\r\n\r\n", 400],
    ["POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400],
    ["POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab", 400],
    ["POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400],
    ["POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nhost: a\r\nx : y\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nhost: a\r\nx: y\r\n z\r\n\r\n", 400],
    ["CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n", 405],
    ["POST / HTTP/1.1\r\nhost: a\r\nexpect: tea\r\ncontent-length: 1\r\n\r\n", 417],
    [`GET /${"a".repeat(listenerDefaults.maxUrlBytes)} HTTP/1.1\r\nhost: a\r\n\r\n`, 414],
    [`GET /${"a".repeat(listenerDefaults.maxHeaderBytes + 4000)} HTTP/1.1\r\nhost: a\r\n\r\n`, 414],
    [`GET / HTTP/1.1\r\nhost: a\r\nx: ${"a".repeat(listenerDefaults.maxHeaderBytes + 4000)}\r\n\r\n`, 431],
    [`GET / HTTP/1.1\r\nhost: a\r\n${"x: y\r\n".repeat(20)}\r\n`, 431],
    ["POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 01\r\n\r\na", 400],
    ["POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent_length: 2\r\n\r\na", 400],
    ["POST / HTTP/1.1\r\nhost: a\r\ntransfer_encoding: chunked\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nhost: a\r\ncontent-type: a/b\r\ncontent-type: c/d\r\n\r\n", 400],
    ["POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999\r\n\r\n", 413],
  ];
  for (const [request, status] of cases) {
    const reply = await exchange(port, request).catch((error: unknown) => String(error));
    assert.match(reply, new RegExp(`^HTTP/1.1 ${status} `), request.slice(0, 100));
    assert.match(reply, /content-type: application\/problem\+json\r\n/i);
    assert.match(reply, /connection: close\r\n/i);
    assert.doesNotMatch(reply, /\.ts|\.js|node:|HPE_|ERR_/);
    const problem = JSON.parse(reply.slice(reply.indexOf("\r\n\r\n") + 4)) as { status: number };
    assert.equal(problem.status, status);
  }
  assert.equal(handled, 0);
});

test("an absolute-form target names the authority; OPTIONS * is answered; Upgrade is ignored", async (t) => {
  const { port } = await startListener(t, ({ authority, target }) => text(`${authority} ${target}`));
  const ask = (line: string, fields = ""): Promise<string> =>
    exchange(port, `${line} HTTP/1.1\r\nhost: outer\r\n${fields}${last}`);
  assert.match(await ask("GET http://inner:81/p?q"), /inner:81 \/p\?q$/);
  assert.match(await ask("GET HTTPS://inner?q"), /inner \/\?q$/);
  assert.match(await ask("GET http://inner"), /inner \/$/);
  assert.match(await ask("OPTIONS *"), /^HTTP\/1.1 204 [^]*allow: GET, /);
  assert.match(await ask("OPTIONS http://inner"), /^HTTP\/1.1 204 /);
  assert.match(await ask("GET /up", "upgrade: websocket\r\n"), /^HTTP\/1.1 200 [^]*outer \/up$/);
});

test("content is read whole, refused over the limit, and what nobody reads leaves the connection usable", async (t) => {
  const { port } = await startListener(
    t,
    async (request) => text(request.path === "/skip" ? "skipped" : await readText(request.body)),
    { maxBodyBytes: 10 },
  );
  const chunked = "transfer-encoding: chunked\r\n";
  const client = rawClient(port);
  client.send(post("/", "content-length: 4\r\n\r\nfour"));
  await client.until(/four$/);
  client.send(post("/", `${chunked}\r\n3\r\nfiv\r\n1\r\ne\r\n0\r\n\r\n`));
  await client.until(/five$/);
  client.send(post("/skip", "content-length: 4\r\n\r\nlost"));
  await client.until(/skipped$/);
  client.send(post("/skip", `${chunked}\r\n4\r\nlost\r\n0\r\n\r\n`) + post("/", "content-length: 3\r\n\r\nend"));
  await client.until(/skipped[^]*skipped[^]*end$/);
  client.send(post("/", `${chunked}\r\n8\r\n01234567\r\n8\r\n01234567\r\n`));
  const { received } = await client.ended();
  assert.match(received, /HTTP\/1.1 413 [^]*connection: close[^]*HP_BODY_TOO_LARGE/i);
});

test("a client that sends on after a 413 still gets to read it", async (t) => {
  const { port } = await startListener(t, async (request) => text(await readText(request.body)), {
    maxBodyBytes: 1000,
  });
  const client = rawClient(port, "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5000000\r\n\r\n");
  client.send("x".repeat(400_000));
  assert.match(await client.until(/\r\n\r\n\{.*\}$/), /^HTTP\/1.1 413 /);
  client.socket.destroy();
});

test("100 Continue is sent when the content is asked for, and not before a refusal", async (t) => {
  const { port } = await startListener(
    t,
    async (request) => (request.path === "/no" ? text("no", 403) : text(await readText(request.body))),
    { maxBodyBytes: 10 },
  );
  const client = rawClient(port, expecting("/", 4));
  await client.until(/^HTTP\/1.1 100 Continue\r\n\r\n$/);
  client.send("four");
  await client.until(/four$/);
  client.socket.destroy();
  assert.match(await exchange(port, expecting("/no", 4)), /^HTTP\/1.1 403 [^]*connection: close/i);
  assert.match(await exchange(port, expecting("/", 11)), /^HTTP\/1.1 413 [^]*connection: close/i);
});

test("leaving the request's content early does not take the reply with it", async (t) => {
  const { port } = await startListener(t, async (request) => {
    for await (const chunk of request.body) return text(`first ${String(chunk).length}`);
    return text("none");
  });
  const client = rawClient(port, "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 300000\r\n\r\n");
  client.send("x".repeat(300_000));
  await client.until(/first \d+$/);
  client.send(`GET / HTTP/1.1\r\nhost: a\r\n${last}`);
  assert.match((await client.ended()).received, /none$/);
});

test("pipelined requests are answered in order, and a broken one after its forerunners", async (t) => {
  const slow = signalOf();
  const { port } = await startListener(t, async (request) => {
    if (request.path === "/slow") await slow.promise;
    return text(request.path);
  });
  const client = rawClient(port, `${get("/slow")}${get("/fast")}broken\r\n\r\n`);
  await once(client.socket, "connect");
  await exchange(port, `GET /other HTTP/1.1\r\nhost: a\r\n${last}`);
  assert.equal(client.received(), "");
  slow.resolve();
  const { received } = await client.ended();
  assert.match(received, /\/slowHTTP\/1.1 200 [^]*\/fastHTTP\/1.1 400 [^]*HP_BAD_REQUEST/);
});

test("a handler that fails is a 500 without detail and a log line with it", async (t) => {
  const { port, lines } = await startListener(t, (request) => {
    if (request.path === "/sync") throw new Error("secret of sync");
    return Promise.reject(new Error("secret of async"));
  });
  for (const path of ["sync", "async"]) {
    const reply = await exchange(port, `GET /${path}?key=k HTTP/1.1\r\nhost: a\r\n${last}`);
    assert.match(reply, /^HTTP\/1.1 500 [^]*"code":"HP_INTERNAL"/);
    assert.doesNotMatch(reply, /secret|Error:|\.ts/);
  }
  const failures = lines.filter(({ level }) => level === "error");
  assert.equal(failures.length, 2);
  assert.doesNotMatch(JSON.stringify(failures), /key=k/);
});

test("a reply that Node refuses to write becomes a 500", async (t) => {
  const { port } = await startListener(t, (request) =>
    request.path === "/status" ? text("", 99) : text("x", 200, { "x-bad": "a\r\nset-cookie: b" }),
  );
  for (const path of ["/status", "/field"]) {
    const reply = await exchange(port, `GET ${path} HTTP/1.1\r\nhost: a\r\n${last}`);
    assert.match(reply, /^HTTP\/1.1 500 /);
    assert.doesNotMatch(reply, /set-cookie/);
  }
});

test("streams are sent with their length or chunked, and broken ones never look whole", async (t) => {
  const { port, lines } = await startListener(t, ({ path }) => {
    switch (path) {
      case "/chunked":
        return text(Readable.from(["a", "b"]));
      case "/length":
        return text(Readable.from(["a", "b"]), 200, { "content-length": "2" });
      case "/short":
        return text(Readable.from(["a"]), 200, { "content-length": "2" });
      case "/long":
        return text(Readable.from(["abc"]), 200, { "content-length": "2" });
      default:
        return text(failing());
    }
  });
  const ask = (path: string, version = "1.1") =>
    rawClient(port, `GET ${path} HTTP/${version}\r\nhost: a\r\n${last}`).ended();
  assert.match((await ask("/chunked")).received, /transfer-encoding: chunked\r\n[^]*0\r\n\r\n$/i);
  assert.match((await ask("/length")).received, /content-length: 2\r\n[^]*\r\n\r\nab$/);
  for (const path of ["/short", "/long"]) {
    const { received, isReset } = await ask(path);
    assert.ok(isReset || /\r\n\r\na?$/.test(received), received);
  }
  const { received } = await ask("/fail");
  assert.doesNotMatch(received, /0\r\n\r\n$/);
  // Without chunks only a reset tells the client of HTTP/1.0 that its content is not whole.
  assert.equal((await ask("/fail", "1.0")).isReset, true);
  assert.equal(lines.filter(({ message }) => message === "reply broke off").length, 4);
});

test("a client that leaves aborts the signal and ends the reply's stream", async (t) => {
  const aborted = signalOf();
  const destroyed = signalOf();
  const began = signalOf();
  const { port } = await startListener(t, (request: HttpRequest) => {
    request.signal.addEventListener("abort", () => aborted.resolve());
    if (request.path === "/wait") {
      began.resolve();
      return new Promise(() => {});
    }
    return text(
      new Readable({
        read() {
          this.push("x".repeat(65_536));
        },
        destroy(error, callback) {
          destroyed.resolve();
          callback(error);
        },
      }),
    );
  });
  const waiting = rawClient(port, "GET /wait HTTP/1.1\r\nhost: a\r\n\r\n");
  await began.promise;
  waiting.socket.destroy();
  await aborted.promise;
  const reading = rawClient(port, "GET /stream HTTP/1.1\r\nhost: a\r\n\r\n");
  await reading.until(/x{100}/);
  reading.socket.destroy();
  await destroyed.promise;
});

test("a signal read after a whole reply is not aborted", async (t) => {
  const kept: HttpRequest[] = [];
  const { port } = await startListener(t, (request) => {
    void request.signal;
    kept.push(request);
    return text("ok");
  });
  await exchange(port, `GET / HTTP/1.1\r\nhost: a\r\n${last}`);
  assert.equal(kept[0]?.signal.aborted, false);
});

test("a slow reader holds back the stream it reads", async (t) => {
  let produced = 0;
  const { port } = await startListener(t, ({ path }) =>
    path === "/other"
      ? text("ok")
      : text(
          new Readable({
            read() {
              produced += 65_536;
              this.push(Buffer.alloc(65_536));
            },
          }),
        ),
  );
  const client = rawClient(port, "GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  await client.until(/\r\n\r\n/);
  client.socket.pause();
  // Kernel buffers fill while others are served; after that the stream must rest.
  let before = -1;
  while (produced !== before) {
    before = produced;
    for (let round = 0; round < 20; round += 1) await exchange(port, `GET /other HTTP/1.1\r\nhost: a\r\n${last}`);
  }
  assert.ok(produced < 64 * 1024 * 1024, String(produced));
  client.socket.destroy();
});

function get(path: string): string {
  return `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`;
}

function post(path: string, rest: string): string {
  return `POST ${path} HTTP/1.1\r\nhost: a\r\n${rest}`;
}

function expecting(path: string, length: number): string {
  return post(path, `expect: 100-continue\r\ncontent-length: ${length}\r\n\r\n`);
}

function failing(): Readable {
  return Readable.from(
    (async function* () {
      yield "part";
      await new Promise((resolve) => setImmediate(resolve));
      throw new Error("database gone");
    })(),
  );
}
