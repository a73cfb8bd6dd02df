// Requests that two parsers might read differently, sent through hotpath to Node and to nginx in front of Node: both see the same
// requests, never more than hotpath answered, and what follows on the connection is never taken for anything else.
import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect } from "node:net";
import { test } from "node:test";
import { upstream } from "../../src/server/define-api.ts";
import { FLAGS, frame, literals, PREFACE, settings } from "../support/http2-frames.ts";
import { startNginx } from "../support/nginx.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { serveSources } from "../support/server.ts";
import { startOrigin } from "./harness.ts";

const CASES = 400;
const SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: a\r\nX: ";

const FIELDS = [
  "Content-Length: 5",
  "Content-Length: 0",
  "Content-Length: 6",
  "Content-Length: +5",
  "Content-Length: 5, 5",
  "Content-Length: 5,6",
  "Content-Length:\t5 ",
  "Content-Length: 0x5",
  "Content-Length: 05",
  "Content-Length: 5\r\nContent-Length: 5",
  "Content-Length: 5\r\nContent-Length: 50",
  "Content-Length : 5",
  "Content-Length\t: 5",
  " Content-Length: 5",
  "Content_Length: 50",
  "content-length: 99999999999999999999",
  "Content-Length: -1",
  "Content-Length:",
  "Transfer-Encoding: chunked",
  "Transfer-Encoding: chunked\r\nContent-Length: 4",
  "Transfer-Encoding : chunked",
  "Transfer-Encoding\x0b: chunked",
  "Transfer-Encoding: xchunked",
  "Transfer-Encoding: chunked, identity",
  "Transfer-Encoding: identity, chunked",
  "Transfer-Encoding: identity",
  "Transfer-Encoding: gzip, chunked",
  "Transfer-Encoding:\tchunked",
  "Transfer-Encoding: \x0bchunked",
  'Transfer-Encoding: "chunked"',
  "Transfer-Encoding: chunked;q=1",
  "Transfer-Encoding: cHuNkEd",
  "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
  "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
  "Transfer-Encoding:\r\n chunked",
  "X: y\rTransfer-Encoding: chunked",
  "X: y\nTransfer-Encoding: chunked",
  "X: y\0Transfer-Encoding: chunked",
  "Transfer_Encoding: chunked",
  "Connection: content-length",
  "Connection: transfer-encoding, keep-alive",
  "Connection: close, host",
  "Connection: keep-alive",
  "Expect: 100-continue",
  "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
  "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13",
  "TE: chunked",
  "Trailer: Content-Length",
  "Host: b",
  "Foo",
  ": empty",
  "X: \x80\xff",
];

const BODIES = [
  "",
  "hello",
  "0\r\n\r\n",
  "5\r\nhello\r\n0\r\n\r\n",
  "5;ext=1\r\nhello\r\n0\r\n\r\n",
  '5;ext="\r\n"\r\nhello\r\n0\r\n\r\n',
  "5 \r\nhello\r\n0\r\n\r\n",
  "0x5\r\nhello\r\n0\r\n\r\n",
  "+5\r\nhello\r\n0\r\n\r\n",
  "5\nhello\n0\n\n",
  "5\r\nhello0\r\n\r\n",
  "5\r\nhello!!0\r\n\r\n",
  "5\rhello\r0\r\r",
  "0\r\nContent-Length: 5\r\n\r\n",
  "0\r\nX: y\r\n\r\nhello",
  "00000000000000005\r\nhello\r\n0\r\n\r\n",
  "ffffffffffffffff5\r\nhello\r\n0\r\n\r\n",
  "5\r\nhello\r\n0\r\n",
  "hello\r\n",
];

const LINES = [
  "POST @ HTTP/1.1",
  "POST @ HTTP/1.1",
  "POST @ HTTP/1.1",
  "GET @ HTTP/1.1",
  "HEAD @ HTTP/1.1",
  "DELETE @ HTTP/1.1",
  "POST @ HTTP/1.0",
  "GET @ HTTP/1.0",
  "POST  @ HTTP/1.1",
  "POST @\tHTTP/1.1",
  "POST @ HTTP/1.1 ",
  "GET http://b@ HTTP/1.1",
  "POST @%20HTTP/1.1 HTTP/1.1",
  "OPTIONS * HTTP/1.1",
  "post @ HTTP/1.1",
  "POST @ HTTP/1.2",
  "POST @ HTTP/2.0",
];

test("Node and nginx behind hotpath see the same requests, and no more than were answered", async (t) => {
  const seen = { node: [] as string[], nginx: [] as string[] };
  const { url: direct } = await startOrigin(t, noteIn(seen.node));
  const { url: behind } = await startOrigin(t, noteIn(seen.nginx));
  const nginx = await startNginx(t, behind);
  if (nginx === undefined) return;
  const options = { webSockets: false, retry: { attempts: 0 }, forwarded: "none" } as const;
  const api = await serveSources(
    t,
    { "/node": upstream(direct, options), "/nginx": upstream(nginx, options) },
    {
      cache: { enabled: false },
      http: { headersTimeout: "500ms", requestTimeout: "500ms", keepAliveTimeout: "500ms" },
    },
  );
  const port = Number(new URL(api.url).port);
  const random = seededRandom(7);
  const pick = (list: readonly string[]): string => list[Math.floor(random() * list.length)]!;
  let accepted = 0;
  const run = async (make: (mount: string, number: string) => string, number: string): Promise<string | undefined> => {
    const of = (mount: "node" | "nginx"): string[] => seen[mount].filter((request) => request.includes(`/${number}/`));
    for (const mount of ["node", "nginx"] as const) {
      const { answered } = await send(port, make(mount, number));
      if (of(mount).length > answered) return `answered ${answered}: ${of(mount).join(" | ")}`;
    }
    const [one, other] = [of("node"), of("nginx")].map((requests) =>
      requests.join(" | ").replaceAll(/\/n(?:ode|ginx)\//g, "/"),
    );
    if (one !== "") accepted += 1;
    return one === other ? undefined : `Node saw ${one}; nginx saw ${other}`;
  };
  const check = async (make: (mount: string, number: string) => string, number: number): Promise<void> => {
    let problem: string | undefined;
    // A machine that stands still lets one of the two run out of time; a difference stays.
    for (let attempt = 0; attempt < 3; attempt++) {
      problem = await run(make, `${number}-${attempt}`);
      if (problem === undefined) return;
    }
    assert.fail(`${JSON.stringify(make("…", "…"))}: ${problem}`);
  };
  const runs: (() => Promise<void>)[] = [];
  for (let number = 0; number < CASES; number++) {
    const line = pick(LINES);
    const fields = Array.from({ length: 1 + Math.floor(random() * 2) }, () => pick(FIELDS));
    const body = `${pick(BODIES)}${random() < 0.4 ? SMUGGLED : ""}`;
    const isHostless = random() < 0.05;
    const make = (mount: string, mark: string): string =>
      `${line.replace("@", `/${mount}/${mark}/first`)}\r\n${isHostless ? "" : "Host: a\r\n"}${fields.join("\r\n")}\r\n\r\n${body}` +
      `GET /${mount}/${mark}/second HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;
    runs.push(() => check(make, number));
  }
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let next = runs.shift(); next !== undefined; next = runs.shift()) await next();
    }),
  );
  const smuggled = [...seen.node, ...seen.nginx].filter((request) => / \/smuggled /.test(request));
  assert.deepEqual(smuggled, []);
  t.diagnostic(`${accepted} of ${CASES} were let through`);
  assert.ok(accepted > 20);
});

/** An origin that keeps what it was asked. */
function noteIn(requests: string[]): (message: IncomingMessage, response: ServerResponse) => void {
  return (message, response) => {
    const chunks: Buffer[] = [];
    message.on("data", (chunk: Buffer) => chunks.push(chunk));
    message.on("end", () => {
      requests.push(`${message.method} ${message.url} ${JSON.stringify(Buffer.concat(chunks).toString("latin1"))}`);
      response.end("ok");
    });
    // nginx may give up on what it has begun.
    message.on("error", () => {});
  };
}

/** Sends bytes on a connection and counts the final replies that come until it ends. */
async function send(port: number, bytes: string): Promise<{ answered: number }> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  let received = "";
  socket.setEncoding("latin1").on("data", (text: string) => (received += text));
  socket.on("error", () => {});
  socket.write(bytes, "latin1");
  await new Promise<void>((resolve) => socket.once("close", () => resolve()));
  return { answered: [...received.matchAll(/HTTP\/1\.1 [2-5]\d\d /g)].length };
}

test("what HTTP/2 can say and HTTP/1.1 would misread does not get through", async (t) => {
  const seen: string[] = [];
  const { url } = await startOrigin(t, (message, response) => {
    const chunks: Buffer[] = [];
    message.on("data", (chunk: Buffer) => chunks.push(chunk));
    message.on("end", () => {
      const fields = message.rawHeaders.join("\n");
      seen.push(`${message.method} ${message.url} ${Buffer.concat(chunks).toString("latin1")}\n${fields}`);
      response.end("ok");
    });
  });
  const api = await serveSources(t, { "/": upstream(url) }, { cache: { enabled: false } });
  const port = Number(new URL(api.url).port);
  const usual: readonly (readonly [string, string])[] = [
    [":method", "POST"],
    [":scheme", "http"],
    [":authority", "a"],
    [":path", "/first"],
  ];
  const instead = (name: string, value: string) =>
    usual.map((field) => (field[0] === name ? ([name, value] as const) : field));
  const evil = "\r\nHost: b\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
  const cases: readonly (readonly (readonly [string, string])[])[] = [
    [...usual, ["content-length", "2"]],
    [...usual, ["content-length", "500"]],
    [...usual, ["content-length", "5"], ["content-length", "6"]],
    [...usual, ["transfer-encoding", "chunked"]],
    [...usual, ["connection", "transfer-encoding"]],
    [...usual, ["te", "chunked"]],
    [...usual, ["x", `y${evil}`]],
    [...usual, ["x", "y\nTransfer-Encoding: chunked"]],
    [...usual, [`x: y${evil}z`, "1"]],
    [...usual, ["x y", "1"]],
    [...usual, ["X-Upper", "1"]],
    [...usual, ["host", "b"]],
    [...usual, [":path", "/second"]],
    [...usual, ["x", "y"], [":authority", "b"]],
    instead(":path", `/ HTTP/1.1${evil}`),
    instead(":path", "/a b"),
    instead(":path", "relative"),
    instead(":path", ""),
    instead(":method", `GET /smuggled HTTP/1.1${evil}GET`),
    instead(":method", "GET /"),
    instead(":authority", `a${evil}`),
    instead(":authority", "a, b"),
    instead(":scheme", `http://b/smuggled?`),
  ];
  for (const [number, fields] of cases.entries()) {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    socket.on("error", () => {}).resume();
    const own = ["case", `number-${String(number).padStart(3, "0")}`] as const;
    const body = "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    socket.write(
      Buffer.concat([
        PREFACE,
        settings(),
        frame("headers", FLAGS.endHeaders, 1, literals([...fields, own])),
        frame("data", FLAGS.endStream, 1, Buffer.from(body)),
        frame(
          "headers",
          FLAGS.endStream | FLAGS.endHeaders,
          3,
          literals([...usual.with(3, [":path", "/marker"]), own]),
        ),
      ]),
    );
    const count = seen.length;
    const until = performance.now() + 2000;
    // Either the marker comes through, or the connection ends.
    while (
      !socket.destroyed &&
      !seen.slice(count).some((request) => request.includes(" /marker ") && request.includes(own[1])) &&
      performance.now() < until
    ) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    socket.destroy();
    // The marker may overtake what is before it, which then arrives among those of the next case.
    const requests = seen.slice(count).filter((request) => request.includes(own[1]) || !request.includes("\ncase\n"));
    assert.ok(requests.length <= 2, requests.join("\n---\n"));
    for (const request of requests) {
      assert.match(request, /^POST \/(?:first|marker) /, JSON.stringify(fields));
      assert.doesNotMatch(request, /^transfer-encoding\n(?!chunked$)/im);
      // Content goes on as one piece of content.
      if (request.startsWith("POST /first")) assert.ok(request.includes(body), request);
    }
  }
});
