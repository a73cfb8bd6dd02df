import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import type { Server } from "node:http";
import type { Socket } from "node:net";
import { test } from "node:test";
import { rawClient, signalOf } from "../server/listener/harness.ts";
import { echo, serveUpstream, startOrigin } from "./harness.ts";

/** Takes upgrades and sends back every byte. */
function acceptUpgrades(server: Server): void {
  server.on("upgrade", (message, socket: Socket, head: Buffer) => {
    const accept = createHash("sha1")
      .update(`${message.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest("base64");
    const host = message.headers.host ?? "";
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\nX-Host: ${host}\r\n\r\n`,
    );
    socket.write(head);
    socket.on("error", () => {});
    socket.pipe(socket);
  });
}

const ASK =
  "GET /chat?room=1 HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const portOf = (url: string): number => Number(new URL(url).port);

test("a real client talks through to a real server", async (t) => {
  const { url, server } = await startOrigin(t, echo);
  acceptUpgrades(server);
  const api = await serveUpstream(t, url);
  const socket = new WebSocket(api.url.replace("http", "ws"));
  await once(socket, "open");
  socket.close();
  await new Promise((resolve) => socket.addEventListener("close", resolve));
});

test("bytes go both ways, those sent at once included, until one side ends", async (t) => {
  const { url, server } = await startOrigin(t, echo);
  acceptUpgrades(server);
  const api = await serveUpstream(t, url);
  const client = rawClient(portOf(api.url), `${ASK}early`);
  const reply = await client.until(/early$/);
  assert.match(reply, /^HTTP\/1\.1 101 Switching Protocols\r\n/);
  assert.match(reply, /\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/i);
  assert.match(reply, /\r\nx-host: a\.example\r\n/i);
  client.send("more");
  await client.until(/earlymore$/);
  client.socket.end();
  await client.ended();
});

test("an upstream that refuses is passed on", async (t) => {
  const { url } = await startOrigin(t, (message, response) => {
    response.writeHead(403, { "x-why": "no" }).end(`not ${message.url}`);
  });
  const api = await serveUpstream(t, url);
  const { received } = await rawClient(portOf(api.url), ASK).ended();
  assert.match(received, /^HTTP\/1\.1 403 Forbidden\r\n[^]*x-why: no\r\n[^]*not \/chat\?room=1$/);
});

test("an upstream that is away is answered for with 502", async (t) => {
  const api = await serveUpstream(t, "http://127.0.0.1:1");
  const { received } = await rawClient(portOf(api.url), ASK).ended();
  assert.match(received, /^HTTP\/1\.1 502 [^]*HP_UPSTREAM_UNREACHABLE/);
});

test("other upgrades are ordinary requests", async (t) => {
  const { url } = await startOrigin(t, echo);
  const api = await serveUpstream(t, url);
  const client = rawClient(
    portOf(api.url),
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
  );
  const reply = await client.until(/\}$/);
  assert.match(reply, /^HTTP\/1\.1 200 /);
  assert.doesNotMatch(reply, /"upgrade"|http2-settings/);
  client.socket.destroy();
});

test("silence ends a WebSocket, and so does the server's stop", async (t) => {
  const { url, server } = await startOrigin(t, echo);
  acceptUpgrades(server);
  const idle = await serveUpstream(t, url, { webSocketIdleTimeout: "1s" });
  await rawClient(portOf(idle.url), ASK).ended();
  const stopping = await serveUpstream(t, url, {}, { server: { shutdownGrace: "50ms" } });
  const client = rawClient(portOf(stopping.url), ASK);
  await client.until(/\r\n\r\n$/);
  const { promise: closed, resolve } = signalOf();
  client.socket.once("close", resolve);
  await stopping.server.close();
  await closed;
});

test("switched off, requests for a WebSocket are ordinary requests", async (t) => {
  const { url } = await startOrigin(t, echo);
  const api = await serveUpstream(t, url, { webSockets: false });
  const client = rawClient(portOf(api.url), ASK);
  assert.match(await client.until(/\}$/), /^HTTP\/1\.1 200 /);
  client.socket.destroy();
});
