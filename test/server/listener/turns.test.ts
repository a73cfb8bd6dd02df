import assert from "node:assert/strict";
import { subscribe } from "node:diagnostics_channel";
import { Readable } from "node:stream";
import { test } from "node:test";
import * as fc from "fast-check";
import type { HttpReply, HttpRequest } from "../../../src/http/message.ts";
import { exchange, type RawClient, rawClient, signalOf, startListener, text } from "./harness.ts";

/** Requests for which Node has made a ServerResponse. */
let longWays = 0;
subscribe("http.server.request.start", () => longWays++);

const get = (target: string, fields = ""): string => `GET ${target} HTTP/1.1\r\nhost: a\r\n${fields}\r\n`;
const withoutClock = (received: string): string => received.replaceAll(/^date: .*\r\n/gim, "");

/** A connection whose first request, which always takes the long way, is over. */
async function opened(port: number): Promise<RawClient> {
  const client = rawClient(port, get("/first"));
  await client.until(/\r\n\r\n/);
  await client.until({ test: (all) => all.endsWith("/first") });
  return client;
}

test("a reply needs no ServerResponse, unless it comes in parts, something comes between, or the request is unusual", async (t) => {
  const { port } = await startListener(t, async ({ path }) => {
    if (path.startsWith("/later")) await new Promise((resolve) => setImmediate(resolve));
    return text(path === "/parts" ? Readable.from([path]) : path);
  });
  const client = await opened(port);
  const ways = async (request: string, end: string): Promise<number> => {
    const before = longWays;
    client.send(request);
    await client.until({ test: (all) => all.endsWith(end) });
    return longWays - before;
  };
  assert.equal(await ways(get("/one"), "/one"), 0);
  assert.equal(await ways(get("/later"), "/later"), 0);
  assert.equal(await ways(get("/later") + get("/next"), "/next"), 2);
  assert.equal(await ways(get("/parts"), "/parts\r\n0\r\n\r\n"), 1);
  assert.equal(await ways("POST /posted HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\nx", "/posted"), 1);
  assert.equal(await ways("OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n", "\r\n\r\n"), 1);
  assert.equal(await ways(get("/last", "connection: close\r\n"), "/last"), 1);
  client.socket.destroy();
});

const LAST = get("/text", "connection: close\r\n");

/** What handlers may answer, by the path that asks for it. */
const REPLIES: Readonly<Record<string, () => HttpReply>> = {
  text: () => text("text with ümlauts"),
  bytes: () => text(Buffer.from("bytes")),
  large: () => text(Buffer.alloc(40_000, "x")),
  long: () => text("ü".repeat(30_000)),
  none: () => ({ status: 404, headers: {}, body: undefined }),
  empty: () => text(""),
  "no-content": () => ({ status: 204, headers: { "content-length": "3" }, body: "abc" }),
  unchanged: () => ({ status: 304, headers: { etag: '"a"', "content-length": "7" }, body: undefined }),
  // Node would write these as UTF-8 before a text, and as they are before bytes.
  fields: () =>
    text(Buffer.from("x"), 200, { date: "Sun, 06 Nov 1994 08:49:37 GMT", "set-cookie": ["a=1", "b=ü"], te: "x" }),
  reason: () => ({ status: 299, statusText: "All is ü", headers: {}, body: Buffer.from("x") }),
  unknown: () => text("x", 599),
  "bad-name": () => text("x", 200, { "a b": "c" }),
  "bad-value": () => text("x", 200, { a: "b\r\nc: d" }),
  "bad-length": () => ({ status: 304, headers: { "content-length": "1\r\nx: y" }, body: undefined }),
  "bad-status": () => text("x", 99),
  stream: () => text(Readable.from(["a", "b"])),
};

function replyTo({ path }: HttpRequest): HttpReply {
  const [, name = ""] = path.split("/");
  const make = REPLIES[name];
  if (make === undefined) throw new Error("no such reply");
  return make();
}

async function late(request: HttpRequest): Promise<HttpReply> {
  await new Promise((resolve) => setTimeout(resolve, request.path.length % 3));
  return replyTo(request);
}

test("whichever way a reply takes, it reads the same", async () => {
  const name = fc.constantFrom("missing", ...Object.keys(REPLIES));
  const step = fc.record({
    kind: fc.constantFrom("get", "get", "get", "head", "pair", "split", "post", "expect", "malformed"),
    name,
    other: name,
    cut: fc.nat(40),
  });
  // At once; soon; after others have come; by Node alone, which counts the requests of a connection.
  const ways = [
    { handle: replyTo, settings: {} },
    { handle: async (request: HttpRequest) => Promise.resolve(replyTo(request)), settings: {} },
    { handle: late, settings: {} },
    { handle: replyTo, settings: { maxRequestsPerSocket: 1000 } },
  ];
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 12 }), async (steps) => {
      const heard: string[] = [];
      for (const { handle, settings } of ways) {
        const { port, listener } = await startListener({ after() {} }, handle, settings);
        const client = rawClient(port);
        for (const { kind, name: path, other, cut } of steps) {
          const request = get(`/${path}`);
          const posted = `POST /${path} HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n`;
          if (kind === "get") client.send(request);
          if (kind === "head") client.send(request.replace("GET", "HEAD"));
          if (kind === "pair") client.send(request + get(`/${other}`));
          if (kind === "post") client.send(`${posted}\r\nabc`);
          if (kind === "split") {
            client.send(request.slice(0, cut));
            await new Promise((resolve) => setImmediate(resolve));
            client.send(request.slice(cut));
          }
          if (kind === "expect") client.send(get(`/${path}`, "expect: 100-continue\r\n"));
          if (kind === "malformed") client.send(get(`/${path}`).replace("host: a", "host: a b"));
          // Both end the connection; what is sent after it may reset it, and take replies along.
          if (kind === "expect" || kind === "malformed") break;
        }
        client.send(steps.some(({ kind }) => kind === "expect" || kind === "malformed") ? "" : LAST);
        const { received } = await client.ended();
        heard.push(withoutClock(received).replaceAll(", max=1000", ""));
        await listener.close({ graceMs: 0 });
      }
      for (const other of heard) assert.equal(other, heard[0]);
    }),
    { numRuns: 60 },
  );
});

test("while a reply is awaited the connection may get another request, a broken one, or its end", async (t) => {
  const gates = new Map(["/one", "/two", "/three"].map((path) => [path, signalOf()]));
  const began = signalOf();
  const { port } = await startListener(t, async ({ path }) => {
    if (path === "/three") began.resolve();
    await gates.get(path)?.promise;
    return text(path);
  });
  const [first, second, third] = [await opened(port), await opened(port), await opened(port)];
  first.send(get("/one"));
  second.send(get("/two"));
  third.send(get("/three"));
  await began.promise;
  first.send(get("/after"));
  second.send("broken\r\n\r\n");
  // The client's end of the connection closes ours, as Node has it; nobody waits for the reply.
  third.socket.end();
  await third.ended();
  await exchange(port, get("/", "connection: close\r\n"));
  for (const { resolve } of gates.values()) resolve();
  assert.match(await first.until(/\/after$/), /\/oneHTTP\/1.1 200 [^]*\/after$/);
  assert.match((await second.ended()).received, /\/twoHTTP\/1.1 400 [^]*HP_BAD_REQUEST/);
  assert.match(third.received(), /\/first$/);
  first.socket.destroy();
});

test("what comes for a client that has left is released", async (t) => {
  const destroyed = signalOf();
  const aborted = signalOf();
  const began = signalOf();
  const { port } = await startListener(t, async ({ path, signal }) => {
    if (path === "/first") return text(path);
    began.resolve();
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    aborted.resolve();
    return text(
      new Readable({
        read() {},
        destroy(error, callback) {
          destroyed.resolve();
          callback(error);
        },
      }),
    );
  });
  const client = await opened(port);
  client.send(get("/gone"));
  await began.promise;
  client.socket.destroy();
  await aborted.promise;
  await destroyed.promise;
});

test("a request that is begun at its head and answered later has all a request has", async (t) => {
  const aborted = signalOf();
  const began = signalOf();
  const { port } = await startListener(t, async (request) => {
    if (request.path === "/first") return text(request.path);
    request.inform?.(103, { link: "</style.css>; rel=preload" });
    request.signal.addEventListener("abort", () => aborted.resolve());
    began.resolve();
    if (request.path === "/never") await new Promise(() => {});
    return text(`${request.path} ${String(request.signal.aborted)}`);
  });
  const client = await opened(port);
  client.send(get("/hinted"));
  await client.until(/HTTP\/1.1 103 Early Hints\r\nlink: <\/style.css>[^]*\/hinted false$/i);
  client.send(get("/never"));
  await client.until(/hinted false[^]*HTTP\/1.1 103/);
  await began.promise;
  client.socket.destroy();
  await aborted.promise;
});

test("a connection answered at once is closed when it is idle, and not while its handler is at work", async (t) => {
  const { port } = await startListener(
    t,
    async ({ path }) => {
      if (path === "/slow") await new Promise((resolve) => setTimeout(resolve, 2500));
      return text(path);
    },
    { keepAliveTimeoutMs: 100 },
  );
  const { port: quick } = await startListener(t, ({ path }) => text(path), { keepAliveTimeoutMs: 100 });
  const idle = await opened(quick);
  idle.send(get("/one"));
  const busy = await opened(port);
  busy.send(get("/slow"));
  const [{ received }] = await Promise.all([idle.ended(), busy.until(/\/slow$/)]);
  assert.match(received, /\/one$/);
  busy.socket.destroy();
});

test("a client that takes none of the replies given at once loses its connection", async (t) => {
  const body = Buffer.alloc(4 * 1024 * 1024);
  const { port, listener } = await startListener(t, ({ path }) => text(path === "/first" ? path : body), {
    replyStallTimeoutMs: 200,
    keepAliveTimeoutMs: 60_000,
  });
  const client = await opened(port);
  client.socket.pause();
  client.send(get("/large") + get("/large") + get("/large"));
  while (listener.connections().open > 0) await new Promise((resolve) => setImmediate(resolve));
  client.socket.destroy();
});

test("while the server drains every reply ends its connection", async (t) => {
  const [began, release] = [signalOf(), signalOf()];
  const { port, listener } = await startListener(t, async ({ path }) => {
    if (path === "/slow") {
      began.resolve();
      await release.promise;
    }
    return text(path);
  });
  const client = await opened(port);
  client.send(get("/one"));
  await client.until(/\/one$/);
  const half = get("/two");
  client.send(half.slice(0, 10));
  await exchange(port, get("/", "connection: close\r\n"));
  const slow = await opened(port);
  slow.send(get("/slow"));
  await began.promise;
  const closing = listener.close({ graceMs: 5000 });
  release.resolve();
  assert.match((await slow.ended()).received, /connection: close\r\n[^]*\/slow$/i);
  client.send(half.slice(10));
  const { received } = await client.ended();
  assert.match(received, /connection: close\r\n[^]*\/two$/i);
  await closing;
});
