import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { Readable } from "node:stream";
import { text as readText } from "node:stream/consumers";
import { test } from "node:test";
import { devCertificate } from "../../../src/server/listener/index.ts";
import { rawClient, signalOf, startListener, text } from "./harness.ts";

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`;

test("closing ends idle connections at once, lets requests under way finish, and accepts no more", async (t) => {
  const began = signalOf();
  const go = signalOf();
  const { listener, port, url } = await startListener(t, async ({ path }) => {
    if (path !== "/slow") return text("ok");
    began.resolve();
    await go.promise;
    return text("done");
  });
  const idle = rawClient(port, get("/"));
  await idle.until(/ok$/);
  const silent = rawClient(port);
  const slow = rawClient(port, get("/slow"));
  const session = connectHttp2(url);
  const goaway = once(session, "goaway");
  const body = readText(session.request({ ":path": "/slow" }));
  await began.promise;
  await once(session, "remoteSettings");
  while (listener.connections().open < 4) await new Promise((resolve) => setImmediate(resolve));

  const closed = listener.close({ graceMs: 10_000 });
  await Promise.all([idle.ended(), silent.ended(), goaway]);
  assert.equal((await rawClient(port).ended()).received, "");
  assert.equal(slow.received(), "");
  go.resolve();
  assert.match((await slow.ended()).received, /connection: close\r\n[^]*done$/i);
  assert.equal(await body, "done");
  await closed;
  assert.equal(listener.connections().open, 0);
});

test("a reply that had begun before closing ends its connection, too", async (t) => {
  const stream = new Readable({ read() {} });
  const { listener, port } = await startListener(t, () => text(stream));
  const client = rawClient(port, get("/"));
  stream.push("one");
  await client.until(/one/);
  const closed = listener.close({ graceMs: 10_000 });
  stream.push("two");
  stream.push(null);
  assert.match((await client.ended()).received, /two\r\n0\r\n\r\n$/);
  await closed;
});

test("what has not finished after the grace period is cut off", async (t) => {
  for (const tls of [undefined, await devCertificate()]) {
    const began = signalOf();
    const aborted = signalOf();
    const { listener, port, url } = await startListener(
      t,
      (request) => {
        request.signal.addEventListener("abort", () => aborted.resolve());
        began.resolve();
        return new Promise(() => {});
      },
      { tls },
    );
    const session = connectHttp2(url, { rejectUnauthorized: false });
    session.on("error", () => {});
    const stream = session.request({ ":path": "/" });
    stream.on("error", () => {});
    if (tls === undefined) rawClient(port, get("/"));
    await began.promise;
    await listener.close({ graceMs: 50 });
    await aborted.promise;
    assert.equal(listener.connections().open, 0);
    session.destroy();
  }
});

test("closing twice, or before listening, is harmless", async (t) => {
  const { listener } = await startListener(t, () => text("ok"));
  await Promise.all([listener.close({ graceMs: 10 }), listener.close({ graceMs: 10 })]);
});
