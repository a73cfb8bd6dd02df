import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { createAddresses } from "../../src/load/client/addresses.ts";
import { createDeadlines } from "../../src/load/client/deadlines.ts";
import type { Exchange } from "../../src/load/client/exchange.ts";
import { LoadFailure } from "../../src/load/client/failure.ts";
import { Http1Connection } from "../../src/load/client/http1.ts";
import { createPool } from "../../src/load/client/pool.ts";
import { toTarget } from "../../src/load/client/target.ts";
import { defer } from "../support/defer.ts";

interface Taken {
  readonly status: number;
  readonly body: string | undefined;
  readonly error: string | undefined;
  readonly isOpen: boolean;
}

/** Sends one request to a server that answers with these bytes, as one write each, and then maybe closes. */
async function exchange(
  t: TestContext,
  writes: readonly string[],
  { isHead = false, closes = false }: { isHead?: boolean; closes?: boolean } = {},
): Promise<Taken> {
  const server = createServer((socket: Socket) => {
    socket.setNoDelay(true);
    socket.on("error", () => undefined);
    socket.once("data", () => {
      void (async () => {
        for (const text of writes) {
          await new Promise((resolve) => socket.write(text, "latin1", resolve));
          // The next write is a packet of its own.
          await new Promise((resolve) => setImmediate(resolve));
        }
        if (closes) socket.end();
      })();
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const connection = new Http1Connection(toTarget(new URL(`http://127.0.0.1:${port}`)), {
    connectTimeoutMs: 5000,
    tls: {},
  });
  defer(t, () => {
    connection.close();
    server.close();
  });
  return new Promise((resolve) => {
    const sent: Exchange & { body: Buffer | undefined } = {
      isHead,
      wantsHead: true,
      wantsBody: true,
      status: 0,
      head: "",
      body: undefined,
      receivedBytes: 0,
      sentAt: 0,
      writtenAt: 0,
      firstByteAt: 0,
      endedAt: 0,
      ended: () =>
        resolve({
          status: sent.status,
          body: sent.body?.toString("latin1"),
          error: undefined,
          isOpen: connection.isOpen,
        }),
      failed: (failure) => resolve({ status: 0, body: undefined, error: failure.message, isOpen: connection.isOpen }),
    };
    connection.connect("127.0.0.1");
    connection.send("GET / HTTP/1.1\r\nHost: here\r\n\r\n", sent, Infinity, performance.now());
  });
}

const REPLIES: readonly (readonly [
  title: string,
  reply: string,
  body: string,
  options?: { isHead?: boolean; closes?: boolean },
])[] = [
  ["a stated length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello"],
  [
    "chunks with extensions and trailers",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3;a=b\r\nhel\r\n2\r\nlo\r\n0\r\nX: y\r\n\r\n",
    "hello",
  ],
  [
    "interim replies before it",
    "HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "ok",
  ],
  ["no content by its status", "HTTP/1.1 204 No Content\r\n\r\n", ""],
  ["no content after HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", "", { isHead: true }],
  ["no content, stated", "HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n", ""],
  ["the end of the connection", "HTTP/1.1 200 OK\r\nServer: x\r\n\r\nall of it", "all of it", { closes: true }],
];

for (const [title, reply, body, options] of REPLIES) {
  test(`a reply is read to its end, whole and byte by byte: ${title}`, async (t) => {
    for (const writes of [[reply], reply.split("")]) {
      const taken = await exchange(t, writes, options);
      assert.equal(taken.error, undefined);
      assert.equal(taken.body, body);
    }
  });
}

test("a reply is read for what it is, however alike those before it were", async (t) => {
  const replies: readonly (readonly [status: number, body: string, text: string])[] = [
    [200, "hello", "HTTP/1.1 200 OK\r\nX: a\r\nContent-Length: 5\r\n\r\nhello"],
    [201, "hello", "HTTP/1.1 201 OK\r\nX: a\r\nContent-Length: 5\r\n\r\nhello"],
    [200, "goodbye", "HTTP/1.1 200 OK\r\nX: a\r\nContent-Length: 7\r\n\r\ngoodbye"],
    [200, "hallo", "HTTP/1.1 200 OK\r\nX: b\r\nContent-Length: 5\r\n\r\nhallo"],
    [200, "hallo", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhallo\r\n0\r\n\r\n"],
    [204, "", "HTTP/1.1 204 OK\r\nX: a\r\nContent-Length: 5\r\n\r\n"],
    [200, "hello", "HTTP/1.1 103 OK\r\nX: a\r\n\r\nHTTP/1.1 200 OK\r\nX: a\r\nContent-Length: 5\r\n\r\nhello"],
  ];
  const steps = Array.from({ length: 400 }, (_, at) => (at % 5 === 0 ? 0 : (at * at + (at >> 3)) % replies.length));
  let asked = 0;
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    socket.on("data", () => {
      const [, , text] = replies[steps[asked]!]!;
      const cut = asked++ % 3 === 0 ? (asked * 11) % text.length : text.length;
      socket.write(text.slice(0, cut));
      if (cut < text.length) setImmediate(() => socket.write(text.slice(cut)));
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const deadlines = createDeadlines();
  const pool = createPool({
    addresses: createAddresses(),
    deadlines,
    protocols: new Map(),
    tls: {},
    localAddress: undefined,
    reusesConnections: true,
  });
  defer(t, () => {
    pool.close(new LoadFailure(1000, "the test is over"));
    deadlines.stop();
    server.close();
  });
  const target = toTarget(new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
  for (const step of steps) {
    const [status, body, text] = replies[step]!;
    const got = await pool.send(
      { method: "GET", target, path: "/", fields: [], body: undefined },
      { timeoutMs: 5000, wantsBody: true },
    );
    const head = text.slice(text.lastIndexOf("HTTP/1.1"), text.lastIndexOf("\r\n\r\n", text.length - 4));
    assert.deepEqual([got.status, got.body?.toString() ?? ""], [status, body]);
    if (!text.includes("chunked")) assert.equal(got.head, head === "" ? text.slice(0, -4) : head);
  }
});

test("a connection is kept unless the reply says otherwise or goes on behind its end", async (t) => {
  const keeps = async (reply: string) => (await exchange(t, [reply])).isOpen;
  assert.equal(await keeps("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), true);
  assert.equal(await keeps("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"), false);
  assert.equal(await keeps("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"), false);
  assert.equal(await keeps("HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n"), true);
  assert.equal(await keeps("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n"), false);
});

test("what is no reply, or an ambiguous one, is a failure and ends the connection", async (t) => {
  for (const reply of [
    "SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "HTTP/2.0 200 OK\r\n\r\n",
    "HTTP/1.1 2x0 OK\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello\r\n",
    "HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\n\r\n",
  ]) {
    const taken = await exchange(t, [reply]);
    assert.match(taken.error ?? "", /^malformed reply: /, reply);
    assert.equal(taken.isOpen, false);
  }
});

test("a reply that is cut off is a failure", async (t) => {
  const { error } = await exchange(t, ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"], { closes: true });
  assert.match(error ?? "", /cut off/);
});
