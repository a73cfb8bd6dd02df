import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import * as fc from "fast-check";
import type { HttpReply, HttpRequest, ReplyMemo } from "../../../src/http/message.ts";
import type { ListenerSettings } from "../../../src/server/listener/index.ts";
import { type RawClient, rawClient, startListener } from "./harness.ts";

/** A handler whose replies to GET and HEAD may be repeated until `purge`. */
function repeatable(): {
  handle: (request: HttpRequest) => Promise<HttpReply>;
  calls: () => number;
  repeats: () => number;
  purge: () => void;
  refuseRepeats: () => void;
  refuseRepeatsTo: (remoteAddress: string) => void;
  expireAt: (ms: number) => void;
} {
  let version = 0;
  let calls = 0;
  let repeats = 0;
  let refuses = false;
  let untilMs = Number.POSITIVE_INFINITY;
  const refused = new Set<string>();
  return {
    refuseRepeatsTo: (remoteAddress) => void refused.add(remoteAddress),
    async handle(request) {
      calls++;
      const made = version;
      if (request.method === "POST") {
        let length = 0;
        for await (const chunk of request.body) length += (chunk as Buffer).length;
        version++;
        return { status: 200, headers: {}, body: `took ${length}` };
      }
      const memo: ReplyMemo = {
        untilMs,
        isCurrent: () => made === version,
        repeat: (remoteAddress) => {
          if (refused.has(remoteAddress)) return false;
          if (!refuses) repeats++;
          return !refuses;
        },
      };
      const body = `${request.target} for ${request.headers.authorization ?? "nobody"}, version ${made}`;
      return { status: 200, headers: { "content-type": "text/plain" }, body, memo };
    },
    calls: () => calls,
    repeats: () => repeats,
    purge: () => void version++,
    refuseRepeats: () => (refuses = true),
    expireAt: (ms) => (untilMs = ms),
  };
}

/** Sends requests one by one, each when the reply to the last is whole. */
async function inTurn(client: RawClient, requests: readonly string[]): Promise<string[]> {
  const replies: string[] = [];
  let seen = client.received().length;
  for (const request of requests) {
    client.send(request);
    const end = () => replyEnd(client.received(), seen, request.startsWith("HEAD "));
    await client.until({ test: () => end() !== undefined });
    replies.push(client.received().slice(seen, end()));
    seen = end() ?? seen;
  }
  return replies;
}

function replyEnd(received: string, from: number, isHead: boolean): number | undefined {
  const head = received.indexOf("\r\n\r\n", from);
  if (head === -1) return undefined;
  const length = isHead ? 0 : Number(/content-length: (\d+)/i.exec(received.slice(from, head))?.[1] ?? 0);
  const end = head + 4 + length;
  return received.length >= end ? end : undefined;
}

const get = (target: string, fields = ""): string => `GET ${target} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;
const withoutDate = (reply: string): string => reply.replace(/^date: .*\r\n/im, "");

/** Repeats a request until the memo has answered it: an entry lives for less than a second, so it may take some. */
async function warm(client: RawClient, request: string, repeats: () => number): Promise<string[]> {
  const replies: string[] = [];
  const before = repeats();
  for (let tries = 0; tries < 100 && repeats() === before; tries++) replies.push(...(await inTurn(client, [request])));
  assert.ok(repeats() > before, "the memo never answered");
  return replies;
}

async function start(t: TestContext, settings: Partial<ListenerSettings> = {}) {
  const source = repeatable();
  const { port, listener } = await startListener(t, source.handle, settings);
  const connect = () => {
    const client = rawClient(port);
    t.after(() => client.socket.destroy());
    return client;
  };
  return { ...source, listener, connect, port };
}

await test("a request that comes again to the letter is answered without the walk, in the same bytes", async (t) => {
  const { connect, calls, repeats, listener } = await start(t);
  const replies = await warm(connect(), get("/a"), repeats);
  assert.equal(new Set(replies.map(withoutDate)).size, 1);
  assert.match(
    replies[0] ?? "",
    /^HTTP\/1.1 200 OK\r\n[^]*Connection: keep-alive\r\nKeep-Alive: timeout=\d+\r\n\r\n\/a for nobody/,
  );
  assert.equal(calls() + repeats(), replies.length, "every request was either walked or counted as a repeat");
  assert.equal(listener.memo().hits, repeats());
});

await test("HEAD is repeated without content", async (t) => {
  const { connect, repeats } = await start(t);
  const replies = await warm(connect(), get("/a").replace("GET", "HEAD"), repeats);
  assert.ok(replies.every((reply) => reply.endsWith("\r\n\r\n")));
});

await test("other credentials are other bytes", async (t) => {
  const { connect, repeats } = await start(t);
  const client = connect();
  await warm(client, get("/a", "Authorization: one\r\n"), repeats);
  const [reply] = await inTurn(client, [get("/a", "Authorization: two\r\n")]);
  assert.match(reply ?? "", /for two/);
});

await test("a repeated reply dies with what it was made from", async (t) => {
  const { connect, repeats, purge } = await start(t);
  const client = connect();
  await warm(client, get("/a"), repeats);
  purge();
  const [reply] = await inTurn(client, [get("/a")]);
  assert.match(reply ?? "", /version 1$/);
});

await test("a reply is not repeated beyond its time", async (t) => {
  const { connect, repeats, expireAt } = await start(t);
  expireAt(Date.now() - 1);
  const client = connect();
  await inTurn(
    client,
    Array.from({ length: 20 }, () => get("/a")),
  );
  assert.equal(repeats(), 0);
});

await test("a limit that refuses the repeat sends the request on the walk", async (t) => {
  const { connect, calls, repeats, refuseRepeats } = await start(t);
  const client = connect();
  await warm(client, get("/a"), repeats);
  refuseRepeats();
  const before = calls();
  await inTurn(client, [get("/a"), get("/a")]);
  assert.equal(calls(), before + 2);
});

await test("a limit on one address refuses repeats to that address alone", async (t) => {
  const { connect, port, calls, repeats, refuseRepeatsTo } = await start(t);
  const client = connect();
  await warm(client, get("/a"), repeats);
  refuseRepeatsTo("127.0.0.2");
  const before = calls();
  const other = rawClient(port, "", "127.0.0.2");
  t.after(() => other.socket.destroy());
  await inTurn(other, [get("/a"), get("/a"), get("/a")]);
  assert.equal(calls(), before + 3);
});

await test("requests that are repeated count towards a connection's limit", async (t) => {
  const { connect } = await start(t, { maxRequestsPerSocket: 5 });
  const client = connect();
  const replies = await inTurn(
    client,
    Array.from({ length: 5 }, () => get("/a")),
  );
  assert.deepEqual(
    replies.map((reply) => /connection: close/i.test(reply)),
    [false, false, false, false, true],
  );
});

await test("Date is the clock's, also in what is repeated", async (t) => {
  const { connect, repeats } = await start(t);
  const client = connect();
  await warm(client, get("/a"), repeats);
  for (const until = Date.now() + 1200; Date.now() < until;) {
    const sentMs = Date.now();
    const [reply = ""] = await inTurn(client, [get("/a")]);
    const dateMs = Date.parse(/^date: (.*)$/im.exec(reply)?.[1] ?? "");
    assert.ok(dateMs >= second(sentMs) && dateMs <= second(Date.now()), `${dateMs} for ${sentMs}`);
  }
});

await test("requests in one packet are answered in order, whoever answers", async (t) => {
  const { connect, repeats } = await start(t);
  const client = connect();
  await warm(client, get("/a"), repeats);
  const seen = client.received().length;
  client.send(get("/a") + get("/b") + get("/a") + get("/c"));
  const received = (await client.until({ test: (all) => all.slice(seen).endsWith("/c for nobody, version 0") })).slice(
    seen,
  );
  assert.deepEqual(
    Array.from(received.matchAll(/(\/\w) for nobody/g), ([, path]) => path),
    ["/a", "/b", "/a", "/c"],
  );
});

await test("a request that is split over two packets is the same request", async (t) => {
  const { connect, repeats } = await start(t);
  const client = connect();
  await warm(client, get("/a"), repeats);
  const seen = client.received().length;
  await sendParts(client, get("/a"), 20);
  await client.until({ test: (all) => all.slice(seen).endsWith("/a for nobody, version 0") });
});

await test("fields in another order, another case or another number are another request", async (t) => {
  const { connect, calls, repeats } = await start(t);
  const client = connect();
  await warm(client, get("/a", "A: 1\r\nB: 2\r\n"), repeats);
  const before = { calls: calls(), repeats: repeats() };
  const others = ["B: 2\r\nA: 1\r\n", "a: 1\r\nB: 2\r\n", "A: 1\r\nB: 2\r\nB: 2\r\n", "A: 1\r\n", "A: 2\r\nB: 1\r\n"];
  await inTurn(
    client,
    others.map((fields) => get("/a", fields)),
  );
  assert.deepEqual({ calls: calls(), repeats: repeats() }, { ...before, calls: before.calls + others.length });
});

await test("remembered bytes inside another request are that request's", async (t) => {
  const { connect, repeats, calls } = await start(t);
  const client = connect();
  await warm(client, get("/a"), repeats);
  const before = { repeats: repeats(), calls: calls() };
  const bytes = get("/a");
  client.send(`POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: ${bytes.length}\r\n\r\n`);
  // The content comes as a packet of its own, exactly as long as promised.
  await new Promise((resolve) => setImmediate(resolve));
  client.send(bytes);
  await client.until({ test: (all) => all.includes(`took ${bytes.length}`) });
  assert.deepEqual({ repeats: repeats(), calls: calls() }, { repeats: before.repeats, calls: before.calls + 1 });
});

await test("a request that ends its connection is not repeated, nor is any while the server drains", async (t) => {
  const { connect, repeats, port, listener } = await start(t);
  for (let round = 0; round < 5; round++) {
    const { received } = await rawClient(port, get("/a", "Connection: close\r\n")).ended();
    assert.match(received, /Connection: close/i);
  }
  assert.equal(repeats(), 0);
  const client = connect();
  await warm(client, get("/a"), repeats);
  const before = repeats();
  const closing = listener.close({ graceMs: 1000 });
  client.send(get("/a"));
  await client.ended();
  await closing;
  assert.equal(repeats(), before);
});

await test("the memo stays within its bytes, and at none it is off", async (t) => {
  const { connect, listener } = await start(t, { memoBytes: 2000 });
  const client = connect();
  const targets = Array.from({ length: 50 }, (_, index) => get(`/${index}`));
  await inTurn(client, [...targets, ...targets, ...targets]);
  assert.ok(listener.memo().bytes <= 2000);
  const off = await start(t, { memoBytes: 0 });
  await inTurn(
    off.connect(),
    Array.from({ length: 20 }, () => get("/a")),
  );
  assert.equal(off.repeats(), 0);
});

await test("with the memo and without it, any sequence reads the same but for the clock", async () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant("get" as const), path: fc.nat(2), user: fc.nat(1) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("head" as const), path: fc.nat(2), user: fc.nat(1) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("split" as const), path: fc.nat(2), at: fc.nat(40) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("pair" as const), path: fc.nat(2), other: fc.nat(2) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("post" as const), path: fc.nat(2), cut: fc.nat(60) }) },
  );
  let repeated = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
      const heard: string[] = [];
      for (const memoBytes of [1 << 20, 0]) {
        const source = repeatable();
        const { port, listener } = await startListener({ after() {} }, source.handle, { memoBytes });
        const client = rawClient(port);
        let expected = 0;
        for (const { kind, ...rest } of steps) {
          const user = "user" in rest ? `Authorization: ${rest.user}\r\n` : "";
          const request = get(`/${rest.path}`, user);
          if (kind === "get") client.send(request);
          if (kind === "head") client.send(request.replace("GET", "HEAD"));
          if (kind === "pair" && "other" in rest) client.send(request + get(`/${rest.other}`));
          if (kind === "split" && "at" in rest) await sendParts(client, request, rest.at);
          if (kind === "post" && "cut" in rest) {
            const head = `POST /${rest.path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${request.length}\r\n\r\n`;
            await sendParts(client, head + request, rest.cut);
          }
          expected += kind === "pair" ? 2 : 1;
          await client.until({ test: (all) => (all.match(/HTTP\/1\.1 \d/g) ?? []).length >= expected && isWhole(all) });
        }
        heard.push(client.received().replaceAll(/^date: .*\r\n/gim, ""));
        repeated += listener.memo().hits;
        client.socket.destroy();
        await listener.close({ graceMs: 0 });
      }
      assert.equal(heard[0], heard[1]);
    }),
    { numRuns: 40 },
  );
  assert.ok(repeated > 0, "no sequence reached the memo");
});

/** The beginning of a time's second. */
function second(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}

async function sendParts(client: RawClient, bytes: string, at: number): Promise<void> {
  client.send(bytes.slice(0, at));
  await new Promise((resolve) => setImmediate(resolve));
  client.send(bytes.slice(at));
}

/** All that was received so far is replies to their end. */
function isWhole(received: string): boolean {
  return /(?:version \d+|took \d+|\r\n\r\n)$/.test(received);
}
