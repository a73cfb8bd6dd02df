import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import { Readable } from "node:stream";
import { text as readText } from "node:stream/consumers";
import { devCertificate } from "../../../src/server/listener/index.ts";
import { toNetwork } from "../../../src/http/address.ts";
import { requireCommand } from "../../support/commands.ts";
import { exchange, rawClient, startListener, text } from "./harness.ts";

const IMPATIENT = { headersTimeoutMs: 200, requestTimeoutMs: 400, keepAliveTimeoutMs: 200, replyStallTimeoutMs: 200 };
const UNHURRIED = { headersTimeoutMs: 120_000, requestTimeoutMs: 120_000, keepAliveTimeoutMs: 120_000 };

test("a connection that says nothing, or never ends its head, is closed", async (t) => {
  const { port } = await startListener(t, () => text("ok"), IMPATIENT);
  const [silent, preface, head] = await Promise.all([
    rawClient(port).ended(),
    rawClient(port, "PRI * HTT").ended(),
    rawClient(port, "GET / HTTP/1.1\r\nhost: a\r\nx: ").ended(),
  ]);
  assert.equal(silent.received, "");
  assert.equal(preface.received, "");
  assert.match(head.received, /^HTTP\/1.1 408 [^]*HP_REQUEST_TIMEOUT/);
});

test("dripping header bytes does not buy time", async (t) => {
  const { port } = await startListener(t, () => text("ok"), IMPATIENT);
  const client = rawClient(port, "GET / HTTP/1.1\r\nhost: a\r\nx: ");
  const drip = setInterval(() => client.send("x"), 20);
  t.after(() => clearInterval(drip));
  assert.match((await client.ended()).received, /^HTTP\/1.1 408 /);
});

test("content that does not come in time is a 408, though the handler waits for it", async (t) => {
  const { port } = await startListener(t, async (request) => text(await readText(request.body)), IMPATIENT);
  const client = rawClient(port, "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n");
  const drip = setInterval(() => client.send("x"), 100);
  t.after(() => clearInterval(drip));
  assert.match((await client.ended()).received, /^HTTP\/1.1 408 /);
});

test("a handler may take longer than every timeout of the connection", async (t) => {
  const { port, url } = await startListener(
    t,
    () => new Promise((resolve) => setTimeout(resolve, 700, text("late"))),
    IMPATIENT,
  );
  assert.match(await exchange(port, "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"), /late$/);
  const session = connectHttp2(url);
  assert.equal(await readText(session.request({ ":path": "/" })), "late");
  await closed(session);
});

test("a reply that comes in drops may take longer than every timeout, over either protocol", async (t) => {
  const { port, url } = await startListener(
    t,
    () =>
      text(
        Readable.from([0, 1, 2, 3]).map((n) => new Promise((resolve) => setTimeout(resolve, 300, String(n))), {
          concurrency: 1,
        }),
      ),
    IMPATIENT,
  );
  const session = connectHttp2(url);
  const replies = await Promise.all([
    exchange(port, "GET / HTTP/1.0\r\nhost: a\r\n\r\n"),
    readText(session.request({ ":path": "/" })),
  ]);
  for (const reply of replies) assert.match(reply, /0123$/);
  session.destroy();
});

test("a client that pipelines and takes no replies loses its connection; so does one that opens no window", async (t) => {
  const body = "x".repeat(100_000);
  let handled = 0;
  // Two thousand requests take their time: the other connection's first bytes may wait for it.
  const patient = { ...IMPATIENT, headersTimeoutMs: 10_000 };
  const { port, url, listener } = await startListener(t, () => (handled++, text(body)), patient);
  const client = rawClient(port);
  await once(client.socket, "connect");
  client.socket.pause();
  client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n".repeat(2000));
  const session = connectHttp2(url, { settings: { initialWindowSize: 0 } });
  session.on("error", () => {});
  const stream = session.request({ ":path": "/" });
  stream.on("error", () => {});
  await closed(session);
  while (listener.connections().open > 0) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(handled < 1000, `only what the kernel takes is produced, not ${handled} replies`);
  client.socket.resume();
  await client.ended();
});

test("a client that takes none of a large reply loses it, over either protocol", async (t) => {
  const large = Buffer.alloc(32 * 1024 * 1024);
  const { port, url } = await startListener(t, () => text(large), IMPATIENT);
  const client = rawClient(port, "GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  await client.until(/\r\n\r\n/);
  client.socket.pause();
  const session = connectHttp2(url, { settings: { initialWindowSize: 1000 } });
  session.on("error", () => {});
  const stream = session.request({ ":path": "/" });
  const [error] = (await once(stream.pause(), "error")) as [Error & { code?: string }];
  assert.equal(error.code, "ERR_HTTP2_STREAM_ERROR");
  session.destroy();
  client.socket.resume();
  const { received } = await client.ended();
  assert.ok(received.length < large.length);
});

test("an idle keep-alive connection, an idle HTTP/2 session and an unfinished TLS handshake are closed", async (t) => {
  const { port, url } = await startListener(t, () => text("ok"), IMPATIENT);
  const secure = await startListener(t, () => text("ok"), { ...IMPATIENT, tls: await devCertificate() });
  const session = connectHttp2(url);
  await Promise.all([
    rawClient(port, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").ended(),
    closed(session),
    rawClient(secure.port, "\x16\x03\x01").ended(),
  ]);
});

test("thousands of idle and half-open connections do not keep others from being served", async (t) => {
  const count = Math.min(8000, Math.floor((Number(execFileSync("sh", ["-c", "ulimit -n"])) - 500) / 2));
  // None of them may be over before all are open, however busy the machine is.
  const { port, listener } = await startListener(t, () => text("ok"), UNHURRIED);
  const sockets: Socket[] = [];
  t.after(() => {
    for (const socket of sockets) socket.destroy();
  });
  const beginnings = [
    "",
    "G",
    "GET / HTTP/1.1\r\nhost: a\r\n",
    "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nx",
    "PRI",
  ];
  for (let opened = 0; opened < count; opened += 500) {
    const batch = Array.from({ length: Math.min(500, count - opened) }, (_, at) => {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => {});
      socket.write(beginnings[at % beginnings.length] ?? "");
      sockets.push(socket);
      return once(socket, "connect");
    });
    await Promise.all(batch);
  }
  for (let round = 0; round < 50; round += 1) {
    assert.match(await exchange(port, "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"), /ok$/);
  }
  assert.ok(listener.connections().open > count * 0.9, String(listener.connections().open));
});

test("connections beyond the limit are closed at once, and there is room again afterwards", async (t) => {
  const { port } = await startListener(t, () => text("ok"), { maxConnections: 2 });
  const kept = [
    rawClient(port, "GET / HTTP/1.1\r\nhost: a\r\n\r\n"),
    rawClient(port, "GET / HTTP/1.1\r\nhost: a\r\n\r\n"),
  ];
  for (const client of kept) await client.until(/ok$/);
  assert.equal((await rawClient(port).ended()).received, "");
  kept[0]?.socket.end();
  await kept[0]?.ended();
  assert.match(await exchange(port, "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"), /ok$/);
});

/** Resolves when it is closed, in whatever way: `once` would reject for the reset that may come first. */
async function closed(session: ClientHttp2Session): Promise<void> {
  session.on("error", () => {});
  if (!session.destroyed) await new Promise<void>((resolve) => session.once("close", resolve));
}

test("of one address only so many connections are taken, whatever is done with them, and others are served", async (t) => {
  const { port, listener } = await startListener(t, () => text("ok"), { maxConnectionsPerAddress: 3 });
  const held = Array.from({ length: 3 }, () => rawClient(port, "GET / HTTP/1.1\r\nhost: a\r\n\r\n", "127.0.0.2"));
  await Promise.all(held.map((client) => client.until(/ok$/)));
  for (let count = 0; count < 5; count++) {
    assert.equal((await rawClient(port, "GET / HTTP/1.1\r\nhost: a\r\n\r\n", "127.0.0.2").ended()).received, "");
  }
  assert.match(await exchange(port, "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"), /ok$/);
  assert.equal(listener.connections().refused.address, 5);
  held[0]?.socket.destroy();
  while (listener.connections().open > 2) await new Promise((resolve) => setImmediate(resolve));
  const next = rawClient(port, "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", "127.0.0.2");
  assert.match((await next.ended()).received, /ok$/);
});

test("IPv6 addresses of one network count together", async (t) => {
  assert.equal(toNetwork("2001:db8:1:2:3:4:5:6", 64), toNetwork("2001:db8:1:2::1", 64));
  const { port } = await startListener(t, () => text("ok"), {
    listen: { host: "::", port: 0 },
    maxConnectionsPerAddress: 1,
  });
  // IPv4 comes to such a socket as ::ffff:127.0.0.1, and is told apart all the same.
  const first = rawClient(port, "GET / HTTP/1.1\r\nhost: a\r\n\r\n", "127.0.0.1");
  await first.until(/ok$/);
  const second = rawClient(port, "GET / HTTP/1.1\r\nhost: a\r\n\r\n", "127.0.0.2");
  await second.until(/ok$/);
});

const SLOW = [
  ["slowloris: heads that never end", ["-H"]],
  ["slow bodies", ["-B"]],
  ["range attack", ["-R"]],
  ["slow reading", ["-X", "-w", "1", "-y", "2", "-n", "1", "-z", "1", "-k", "5"]],
] as const;

for (const [name, mode] of SLOW) {
  test(`slowhttptest, ${name}: others are served, and no connection is left`, async (t) => {
    const program = requireCommand(t, "slowhttptest");
    if (program === undefined) return;
    const content = "x".repeat(200_000);
    const { port, url, listener } = await startListener(
      t,
      async (request) => text(request.method === "POST" ? await readText(request.body) : content),
      { headersTimeoutMs: 1000, requestTimeoutMs: 1500, keepAliveTimeoutMs: 1000, replyStallTimeoutMs: 1000 },
    );
    const words = [...mode, "-c", "150", "-r", "150", "-i", "1", "-l", "3", "-p", "3", "-u", `${url}/`, "-x", "10"];
    const attack = spawn(program, words, { stdio: "ignore" });
    t.after(() => attack.kill("SIGKILL"));
    let served = 0;
    let most = 0;
    do {
      most = Math.max(most, listener.connections().open);
      const reply = await exchange(port, "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
      assert.ok(reply.startsWith("HTTP/1.1 200 ") && reply.endsWith(content), reply.slice(0, 200));
      served += 1;
      await delay(20);
    } while (attack.exitCode === null && attack.signalCode === null);
    t.diagnostic(`${served} others served beside ${most} connections`);
    assert.ok(served > 0);
    const until = performance.now() + 20_000;
    while (listener.connections().open > 0) {
      assert.ok(performance.now() < until, `${listener.connections().open} connections are left`);
      await delay(20);
    }
  });
}

test("old versions and weak ciphers of TLS are refused", async (t) => {
  const { port } = await startListener(t, () => text("ok"), { tls: await devCertificate() });
  const attempt = (options: ConnectionOptions): Promise<string> =>
    new Promise((resolve) => {
      const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false, ...options });
      socket.once("secureConnect", () => {
        resolve(`${socket.getProtocol()} ${socket.getCipher().name}`);
        socket.destroy();
      });
      socket.once("error", () => resolve("refused"));
    });
  assert.match(await attempt({}), /^TLSv1\.3 /);
  assert.match(await attempt({ maxVersion: "TLSv1.2" }), /^TLSv1\.2 ECDHE-\w+-(?:AES\d+-GCM|CHACHA20)/);
  const weak = "DEFAULT@SECLEVEL=0";
  for (const options of [
    { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: weak },
    { maxVersion: "TLSv1.2", ciphers: `AES128-SHA:AES256-GCM-SHA384:${weak}:!ECDHE` },
    { maxVersion: "TLSv1.2", ciphers: "ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES128-SHA" },
  ] as const) {
    assert.equal(await attempt(options), "refused", JSON.stringify(options));
  }
});
