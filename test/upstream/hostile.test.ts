// Upstreams that misbehave: every case ends in a clean refusal or in a body that is visibly broken off.
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import type { UpstreamOptions } from "../../src/api/option-types.ts";
import { rawClient } from "../server/listener/harness.ts";
import { answering, closedPort, serveUpstream, startScript } from "./harness.ts";

const HEAD = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n";
const FAST: UpstreamOptions = { retry: { attempts: 0 }, timeout: { head: "300ms", idle: "300ms" } };

interface Case {
  readonly name: string;
  readonly script: (socket: Socket) => void;
  readonly status: number;
  readonly code: string;
  readonly options?: UpstreamOptions;
}

const INVALID = { status: 502, code: "HP_UPSTREAM_INVALID" };
const TOO_LARGE = { status: 502, code: "HP_UPSTREAM_TOO_LARGE" };
const LATE = { status: 504, code: "HP_UPSTREAM_TIMEOUT" };
const close = (socket: Socket): void => void socket.end();
const reset = (socket: Socket): void => void socket.resetAndDestroy();

const REFUSED: readonly Case[] = [
  { name: "closes at once", script: close, ...INVALID },
  { name: "closes once it has the request", script: answering("", close), ...INVALID },
  { name: "resets once it has the request", script: answering("", reset), ...INVALID },
  { name: "answers garbage", script: answering("\0\x01\x02 nonsense\r\n\r\n"), ...INVALID },
  { name: "answers another protocol", script: answering("SSH-2.0-OpenSSH_9.6\r\n"), ...INVALID },
  { name: "answers HTTP/0.9", script: answering("<html></html>", close), ...INVALID },
  {
    name: "states two lengths",
    script: answering(`${HEAD}content-length: 5\r\ncontent-length: 6\r\n\r\nhello!`),
    ...INVALID,
  },
  {
    name: "states a length and a coding",
    script: answering(`${HEAD}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`),
    ...INVALID,
  },
  { name: "states a negative length", script: answering(`${HEAD}content-length: -1\r\n\r\n`), ...INVALID },
  { name: "states a length of letters", script: answering(`${HEAD}content-length: five\r\n\r\nhello`), ...INVALID },
  {
    name: "states a length beyond all numbers",
    script: answering(`${HEAD}content-length: 99999999999999999999999\r\n\r\n`),
    ...INVALID,
  },
  {
    name: "sends a control character in a field",
    script: answering(`${HEAD}x-bad: a\x01b\r\ncontent-length: 0\r\n\r\n`),
    ...INVALID,
  },
  { name: "sends a null in a field", script: answering(`${HEAD}x-bad: a\0b\r\ncontent-length: 0\r\n\r\n`), ...INVALID },
  {
    name: "sends a space in a field's name",
    script: answering(`${HEAD}x bad: a\r\ncontent-length: 0\r\n\r\n`),
    ...INVALID,
  },
  {
    name: "ends fields with a bare CR",
    script: answering(`${HEAD}x-bad: a\rx-worse: b\r\ncontent-length: 0\r\n\r\n`),
    ...INVALID,
  },
  { name: "folds a field", script: answering(`${HEAD}x-bad: a\r\n b\r\ncontent-length: x\r\n\r\n`), ...INVALID },
  { name: "ends a short body early", script: answering(`${HEAD}content-length: 10\r\n\r\nhalf`, close), ...INVALID },
  { name: "resets in a short body", script: answering(`${HEAD}content-length: 10\r\n\r\nhalf`, reset), ...INVALID },
  {
    name: "switches protocols unasked",
    script: answering("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
    ...INVALID,
  },
  { name: "says 100 unasked", script: answering("HTTP/1.1 100 Continue\r\n\r\n"), ...INVALID },
  {
    name: "never stops saying 103",
    script: answering("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".repeat(100)),
    ...INVALID,
  },
  {
    name: "sends 1 MB of header fields",
    script: answering(`${HEAD}${`x-large: ${"a".repeat(8000)}\r\n`.repeat(125)}\r\n`),
    ...TOO_LARGE,
  },
  {
    name: "sends one field of 1 MB",
    script: answering(`${HEAD}x-large: ${"a".repeat(1_000_000)}\r\n\r\n`),
    ...TOO_LARGE,
  },
  {
    name: "states more than is allowed",
    script: answering(`${HEAD}content-length: 1001\r\n\r\n`),
    options: { limits: { bodyBytes: 1000 } },
    ...TOO_LARGE,
  },
  { name: "never answers", script: answering(""), ...LATE },
  { name: "never ends its head", script: answering(HEAD), ...LATE },
  { name: "never sends a short body", script: answering(`${HEAD}content-length: 5\r\n\r\n`), ...LATE },
  { name: "sends its head byte by byte", script: answering("", drip), ...LATE },
];

for (const { name, script, status, code, options } of REFUSED) {
  test(`an upstream that ${name} is answered for with ${status} ${code}`, async (t) => {
    const { url } = await startScript(t, script);
    const api = await serveUpstream(t, url, { ...FAST, ...options });
    const answer = await api.get("/");
    assert.equal(answer.status, status, answer.text);
    assert.equal(answer.headers["content-type"], "application/problem+json");
    const problem = JSON.parse(answer.text) as { code: string };
    assert.equal(problem.code, code);
    assert.doesNotMatch(answer.text, /127\.0\.0\.1|:\d{4,5}/, "addresses stay inside");
  });
}

/** A byte of a head every 20 ms: fast enough for any timeout between bytes. */
function drip(socket: Socket): void {
  const timer = setInterval(() => socket.write("x"), 20);
  socket.write("HTTP/1.1 200 OK\r\nx-slow: ");
  socket.once("close", () => clearInterval(timer));
}

const LONG = 100_000;
const BROKEN: readonly Omit<Case, "status" | "code">[] = [
  { name: "resets midway", script: answering(`${HEAD}content-length: ${LONG}\r\n\r\n${"a".repeat(LONG / 2)}`, reset) },
  { name: "ends midway", script: answering(`${HEAD}content-length: ${LONG}\r\n\r\n${"a".repeat(LONG / 2)}`, close) },
  {
    name: "ends without the last chunk",
    script: answering(`${HEAD}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n`, close),
  },
  {
    name: "sends a wrong chunk length",
    script: startThen(`${HEAD}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n`, "zz\r\nhello\r\n"),
  },
  {
    name: "sends more than a chunk announced",
    script: startThen(`${HEAD}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n`, "5\r\nhello world\r\n0\r\n\r\n"),
  },
  {
    name: "resets a body that ends with its connection",
    script: startThen(`${HEAD}connection: close\r\n\r\nhello`, "", reset),
  },
  { name: "stalls midway", script: answering(`${HEAD}content-length: ${LONG}\r\n\r\n${"a".repeat(LONG / 2)}`) },
  {
    name: "never ends",
    script: answering(`${HEAD}transfer-encoding: chunked\r\n\r\n`, flood),
    options: { limits: { bodyBytes: 1_000_000 } },
  },
];

for (const { name, script, options } of BROKEN) {
  test(`a body of an upstream that ${name} is broken off`, async (t) => {
    const { url } = await startScript(t, script);
    const api = await serveUpstream(t, url, { ...FAST, ...options });
    const client = rawClient(Number(new URL(api.url).port), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    client.socket.resume();
    const { received, isReset } = await client.ended();
    assert.match(received, /^HTTP\/1\.1 200 /);
    assert.ok(isReset, `no end that could be taken for one: ${received.slice(-40)}`);
    assert.doesNotMatch(received, /\r\n0\r\n\r\n$/);
  });
}

/** Sends the second part a moment after the first, so that the head has gone out by then. */
function startThen(first: string, second: string, then: (socket: Socket) => void = () => {}): (socket: Socket) => void {
  return answering(first, (socket) => setTimeout(() => socket.write(second, "latin1", () => then(socket)), 50));
}

function flood(socket: Socket): void {
  const piece = `10000\r\n${"a".repeat(0x10000)}\r\n`;
  const more = (): void => {
    while (!socket.destroyed && socket.write(piece));
    socket.once("drain", more);
  };
  more();
}

test("an upstream that cannot be reached is answered for with 502", async (t) => {
  const api = await serveUpstream(t, `http://127.0.0.1:${await closedPort()}`, { retry: { attempts: 0 } });
  const answer = await api.get("/");
  assert.equal(answer.status, 502);
  assert.match(answer.text, /HP_UPSTREAM_UNREACHABLE/);
});

test("bytes after a reply never become part of the next", async (t) => {
  const smuggled = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison";
  const { url } = await startScript(t, answering(`${HEAD}content-length: 2\r\n\r\nok${smuggled}`));
  const api = await serveUpstream(t, url);
  for (let request = 0; request < 5; request++) assert.equal((await api.get("/")).text, "ok");
});

test("content after the head of a 204 or a 304 never becomes a reply", async (t) => {
  for (const status of ["204 No Content", "304 Not Modified"]) {
    const { url } = await startScript(t, answering(`HTTP/1.1 ${status}\r\ncontent-length: 6\r\n\r\npoison`));
    const api = await serveUpstream(t, url);
    for (let request = 0; request < 3; request++) {
      const answer = await api.get("/");
      assert.deepEqual([answer.status, answer.text], [Number(status.slice(0, 3)), ""]);
    }
  }
});

test("a reply to HEAD that brings content does not spoil the connection", async (t) => {
  const { url } = await startScript(t, answering(`${HEAD}content-length: 6\r\n\r\npoison`));
  const api = await serveUpstream(t, url);
  assert.equal((await api.send("HEAD", "/")).headers["content-length"], "6");
  assert.equal((await api.get("/")).text, "poison");
});
