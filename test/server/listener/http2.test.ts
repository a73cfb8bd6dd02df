import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, constants, type ClientHttp2Session, type OutgoingHttpHeaders } from "node:http2";
import { connect as connectTcp } from "node:net";
import { Readable } from "node:stream";
import { text as readText } from "node:stream/consumers";
import { test, type TestContext } from "node:test";
import { connect as connectTls } from "node:tls";
import type { HttpRequest } from "../../../src/http/message.ts";
import { devCertificate } from "../../../src/server/listener/index.ts";
import { FLAGS, frame, PREFACE, requestFields, settings } from "../../support/http2-frames.ts";
import { signalOf, startListener, text } from "./harness.ts";
import { listenerDefaults } from "../../../src/server/listener/settings.ts";

interface Answer {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly body: string;
  readonly resetCode: number;
}

test("requests look the same as over HTTP/1.1, without pseudo-header fields", async (t) => {
  let seen: HttpRequest | undefined;
  const { url } = await startListener(t, (request) => {
    seen = request;
    return text("ok", 200, { connection: "close", "keep-alive": "1", "transfer-encoding": "chunked", upgrade: "x" });
  });
  const session = open(t, url);
  const { headers } = await ask(session, { ":path": "/p?q", "x-one": "1" });
  assert.equal(seen?.path, "/p");
  assert.equal(seen?.query, "q");
  assert.deepEqual(Object.keys(seen?.headers ?? {}).sort(), ["host", "x-one"]);
  assert.equal(seen?.remoteAddress, "127.0.0.1");
  assert.equal(seen?.authority, new URL(url).host);
  for (const name of ["connection", "keep-alive", "transfer-encoding", "upgrade"])
    assert.equal(headers[name], undefined);
});

test("bad targets, hosts and lengths are refused as problems on their stream alone", async (t) => {
  const { url } = await startListener(t, () => text("ok"), { maxBodyBytes: 10 });
  const session = open(t, url);
  const cases: [OutgoingHttpHeaders, number][] = [
    [{ ":path": "/#a" }, 400],
    [{ ":path": "/a\\b" }, 400],
    [{ ":path": "/a%0A" }, 400],
    [{ ":authority": "a,b" }, 400],
    [{ ":authority": "a", host: "b" }, 400],
    [{ ":path": `/${"a".repeat(listenerDefaults.maxUrlBytes)}` }, 414],
    [{ ":method": "CONNECT", ":authority": "a:1" }, 405],
  ];
  for (const [headers, status] of cases) {
    const answer = await ask(session, headers);
    assert.equal(answer.status, status, JSON.stringify(headers).slice(0, 80));
    assert.equal(answer.headers["content-type"], "application/problem+json");
  }
  // These do not get past the protocol library.
  for (const headers of [{ ":path": "*" }, { ":path": "http://a/" }, { ":authority": "user@a" }]) {
    assert.notEqual((await ask(session, headers)).resetCode, 0);
  }
  const tooLarge = await ask(session, { ":method": "POST", "content-length": "11" }, "hello world");
  assert.equal(tooLarge.status, 413);
  assert.equal((await ask(session, { ":method": "OPTIONS", ":path": "*" })).status, 204);
  assert.equal((await ask(session, {})).body, "ok");
});

test("content is read, bounded, and may be left unread", async (t) => {
  const { url } = await startListener(
    t,
    async (request) => text(request.path === "/skip" ? "skipped" : await readText(request.body)),
    { maxBodyBytes: 100_000 },
  );
  const session = open(t, url);
  assert.equal((await ask(session, { ":method": "POST" }, "hello")).body, "hello");
  assert.equal((await ask(session, { ":method": "POST" }, "x".repeat(90_000))).body.length, 90_000);
  assert.equal((await ask(session, { ":method": "POST" }, "x".repeat(200_000))).status, 413);
  assert.equal((await ask(session, { ":method": "POST", ":path": "/skip" }, "x".repeat(200_000))).body, "skipped");
  assert.equal((await ask(session, { ":method": "POST" }, "still")).body, "still");
});

test("a failing handler is a 500, a failing stream a reset", async (t) => {
  const { url, lines } = await startListener(t, ({ path }) => {
    if (path === "/throw") throw new Error("secret");
    if (path === "/field") return text("x", 200, { "bad name": "x" });
    return text(
      Readable.from(
        (async function* () {
          yield "part";
          await new Promise((resolve) => setImmediate(resolve));
          throw new Error("gone");
        })(),
      ),
    );
  });
  const session = open(t, url);
  for (const path of ["/throw", "/field"]) {
    const answer = await ask(session, { ":path": path });
    assert.equal(answer.status, 500);
    assert.doesNotMatch(answer.body, /secret/);
  }
  const broken = await ask(session, { ":path": "/stream" });
  assert.equal(broken.body, "part");
  assert.equal(broken.resetCode, constants.NGHTTP2_INTERNAL_ERROR);
  assert.deepEqual(
    lines.filter(({ level }) => level === "error").map(({ message }) => message),
    ["request failed", "reply cannot be written", "reply broke off"],
  );
});

test("a stream that the client resets aborts its signal and no other", async (t) => {
  const began = signalOf();
  const aborted = signalOf();
  const { url } = await startListener(t, (request) => {
    if (request.path !== "/wait") return text("ok");
    request.signal.addEventListener("abort", () => aborted.resolve());
    began.resolve();
    return new Promise(() => {});
  });
  const session = open(t, url);
  const stream = session.request({ ":path": "/wait" });
  stream.on("error", () => {});
  await began.promise;
  stream.close(constants.NGHTTP2_CANCEL);
  await aborted.promise;
  assert.equal((await ask(session, {})).body, "ok");
});

test("streams beyond the limit are refused, and a burst of resets ends the session but not the server", async (t) => {
  const { url } = await startListener(t, () => new Promise(() => {}), {
    maxConcurrentStreams: 10,
    streamResetBurst: 50,
  });
  const session = open(t, url);
  await once(session, "remoteSettings");
  assert.equal(session.remoteSettings.maxConcurrentStreams, 10);
  assert.equal(session.remoteSettings.maxHeaderListSize, listenerDefaults.maxHeaderBytes);
  const ended = signalOf();
  session.once("goaway", () => ended.resolve());
  let resets = 0;
  const attack = (): void => {
    if (session.destroyed || session.closed || resets > 5000) return;
    resets += 1;
    const stream = session.request({ ":path": "/" });
    stream.on("error", () => {});
    stream.once("close", () => setImmediate(attack));
    setImmediate(() => stream.close(constants.NGHTTP2_CANCEL));
  };
  attack();
  await ended.promise;
  assert.ok(resets < 1000, String(resets));
  session.destroy();
  const other = open(t, url);
  await once(other, "remoteSettings");
});

test("an oversized header list is refused", async (t) => {
  const { url } = await startListener(t, () => text("ok"), { maxHeaderBytes: 4096 });
  const session = open(t, url);
  await once(session, "remoteSettings");
  const { status, resetCode } = await ask(session, { "x-long": "a".repeat(6000) });
  assert.ok(status === 431 || resetCode !== 0, `${status} ${resetCode}`);
});

function open(t: TestContext, url: string): ClientHttp2Session {
  const session = connect(url);
  session.on("error", () => {});
  t.after(() => session.destroy());
  return session;
}

function ask(session: ClientHttp2Session, headers: OutgoingHttpHeaders, content?: string): Promise<Answer> {
  return new Promise((resolve) => {
    const stream = session.request(headers, { endStream: content === undefined });
    let received: Record<string, unknown> = {};
    let body = "";
    stream.on("error", () => {});
    stream.on("response", (fields) => (received = { ...fields }));
    stream.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
    stream.once("close", () =>
      resolve({ status: Number(received[":status"] ?? 0), headers: received, body, resetCode: stream.rstCode ?? 0 }),
    );
    if (content !== undefined) stream.end(content);
  });
}

for (const isSecure of [false, true]) {
  test(`a client that goes amid its content is missed, ${isSecure ? "with" : "without"} TLS`, async (t) => {
    const aborted = signalOf();
    const began = signalOf();
    const { port, listener } = await startListener(
      t,
      async (request) => {
        request.signal.addEventListener("abort", () => aborted.resolve());
        began.resolve();
        return text(await readText(request.body));
      },
      isSecure ? { tls: await devCertificate() } : {},
    );
    const secure = { port, host: "127.0.0.1", rejectUnauthorized: false, ALPNProtocols: ["h2"] };
    const socket = isSecure ? connectTls(secure) : connectTcp({ port, host: "127.0.0.1" });
    socket.on("error", () => {}).resume();
    const head = frame("headers", FLAGS.endHeaders, 1, requestFields("POST", "/"));
    socket.write(Buffer.concat([PREFACE, settings(), head, frame("data", 0, 1, Buffer.from("half"))]));
    await began.promise;
    socket.end();
    await aborted.promise;
    await listener.close({ graceMs: 60_000 });
  });
}
