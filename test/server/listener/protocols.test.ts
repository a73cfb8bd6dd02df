import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { chmod, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { test } from "node:test";
import { HotpathError } from "../../../src/errors.ts";
import type { HttpRequest } from "../../../src/http/message.ts";
import { createListener, devCertificate } from "../../../src/server/listener/index.ts";
import { collect, curl, exchange, rawClient, startListener, text } from "./harness.ts";

const describe = (request: HttpRequest): string =>
  [request.httpVersion, request.scheme, request.method, request.path, request.query, request.headers["x-one"]].join(
    " ",
  );

test("one cleartext port answers HTTP/1.1, HTTP/1.0 and HTTP/2 by prior knowledge", async (t) => {
  const { url, port } = await startListener(t, (request) => text(describe(request)));
  assert.match(
    await curl("--http1.1", "-H", "x-one: 1", `${url}/a?b=c?d`),
    /^HTTP\/1.1 200 OK\r\n[^]*1.1 http GET \/a b=c\?d 1$/,
  );
  assert.match(
    await curl("--http2-prior-knowledge", "-H", "x-one: 1", `${url}/a?b`),
    /^HTTP\/2 200 \r\n[^]*2.0 http GET \/a b 1$/,
  );
  assert.match(await exchange(port, "GET /old HTTP/1.0\r\n\r\n"), /^HTTP\/1.1 200 OK\r\n[^]*1.0 http GET \/old {2}$/);
});

test("a TLS port chooses by ALPN, and knows the development certificate", async (t) => {
  const { url } = await startListener(t, (request) => text(describe(request)), { tls: await devCertificate() });
  assert.match(await curl("-k", "--http2", `${url}/x`), /^HTTP\/2 200 [^]*2.0 https GET \/x/);
  assert.match(await curl("-k", "--http1.1", `${url}/x`), /^HTTP\/1.1 200 [^]*1.1 https GET \/x/);
  assert.match(await curl("-k", "--no-alpn", `${url}/x`), /^HTTP\/1.1 200 [^]*1.1 https GET \/x/);
});

test("the development certificate is for this machine's names, by elliptic curve, for a year", async () => {
  const certificate = new X509Certificate((await devCertificate()).cert);
  for (const name of ["127.0.0.1", "::1"]) assert.equal(certificate.checkIP(name), name);
  assert.equal(certificate.checkHost("localhost"), "localhost");
  assert.equal(certificate.publicKey.asymmetricKeyType, "ec");
  const days = (certificate.validToDate.getTime() - Date.now()) / 86_400_000;
  assert.ok(days > 360 && days < 366, String(days));
});

test("a new certificate is used by connections to come", async (t) => {
  const [first, second] = await Promise.all([devCertificate(), devCertificate()]);
  const { listener, port } = await startListener(t, () => text("ok"), { tls: first });
  const served = async (): Promise<string> => {
    const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false });
    await once(socket, "secureConnect");
    const { fingerprint256 } = socket.getPeerCertificate();
    socket.destroy();
    return fingerprint256;
  };
  assert.equal(await served(), new X509Certificate(first.cert).fingerprint256);
  listener.setCertificate(second);
  assert.equal(await served(), new X509Certificate(second.cert).fingerprint256);
});

test("the HTTP/2 preface is known however it is cut into packets", async (t) => {
  const { port } = await startListener(t, () => text("ok"));
  const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  // An empty SETTINGS frame, and what answers it: the acknowledgement.
  const acknowledgement = "\0\0\0\x04\x01\0\0\0\0";
  const settings = "\0\0\0\x04\0\0\0\0\0";
  for (const cut of [1, 3, 14, 23]) {
    const client = rawClient(port, preface.slice(0, cut));
    await once(client.socket, "connect");
    await new Promise((resolve) => setImmediate(resolve));
    client.send(preface.slice(cut) + settings);
    await client.until({ test: (received) => received.includes(acknowledgement) });
    client.socket.destroy();
  }
});

test("what only begins like the preface is judged as HTTP/1.1", async (t) => {
  const { port } = await startListener(t, () => text("ok"));
  assert.match(await exchange(port, "PRI * HTTP/2.0\r\n\r\nno"), /^HTTP\/1.1 400 /);
  assert.match(await exchange(port, "PUT / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"), /^HTTP\/1.1 200 /);
});

test("replies without content have none, on both protocols", async (t) => {
  const { url, port } = await startListener(t, (request) => {
    const status = Number(request.path.slice(1));
    return text(request.query === "undefined" ? undefined : "content", status, {
      "transfer-encoding": "chunked",
      "keep-alive": "x",
    });
  });
  for (const query of ["", "?undefined"]) {
    assert.match(
      await exchange(port, get(`/204${query}`)),
      /^HTTP\/1.1 204 No Content\r\n(?!content-length)[^]*\r\n\r\n$/,
    );
    assert.match(await exchange(port, get(`/304${query}`)), /^HTTP\/1.1 304 [^]*\r\n\r\n$/);
    for (const version of ["--http1.1", "--http2-prior-knowledge"]) {
      assert.match(await curl(version, `${url}/204${query}`), / 204 (?![^]*content-length)[^]*\r\n\r\n$/);
      assert.match(await curl(version, `${url}/304${query}`), / 304 [^]*\r\n\r\n$/);
    }
  }
  assert.match(await exchange(port, get("/200?undefined")), /content-length: 0\r\n/);
  for (const version of ["--http1.1", "--http2-prior-knowledge"]) {
    assert.match(await curl(version, "-I", `${url}/200`), /content-length: 7\r\n[^]*\r\n\r\n$/);
    const reply = await curl(version, `${url}/200`);
    assert.doesNotMatch(reply, /transfer-encoding|keep-alive: x/i);
    assert.match(reply, /content$/);
  }
});

test("a field with several values is sent several times", async (t) => {
  const { url } = await startListener(t, () => text("", 200, { "set-cookie": ["a=1", "b=2"] }));
  for (const version of ["--http1.1", "--http2-prior-knowledge"]) {
    assert.match(await curl(version, url), /set-cookie: a=1\r\nset-cookie: b=2\r\n/);
  }
});

test("a port in use is named with the flag that changes it", async (t) => {
  const { port } = await startListener(t, () => text("ok"));
  const settings = { listen: { host: "127.0.0.1", port, portFlag: "--api-port" } };
  await assert.rejects(createListener(settings, () => text("ok"), collect([])).listen(), (error) => {
    assert.ok(error instanceof HotpathError);
    assert.equal(error.code, "HP_PORT_IN_USE");
    assert.match(error.message, new RegExp(`${port}`));
    assert.match(error.todo, /--api-port/);
    return true;
  });
});

test("an address that is not of this machine is refused clearly", async () => {
  const settings = { listen: { host: "192.0.2.1", port: 0 } };
  await assert.rejects(createListener(settings, () => text("ok"), collect([])).listen(), { code: "HP_LISTEN_FAILED" });
});

test("a Unix socket serves, has its mode, and replaces what a dead process left, but no live one and no file", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "hotpath-listener-"));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, "api.sock");
  // A socket file without a process: its server's handle is closed without unlinking, as a kill would leave it.
  const stale = createServer().listen(join(folder, "stale.sock"));
  await once(stale, "listening");
  await (await import("node:fs/promises")).rename(join(folder, "stale.sock"), path);
  stale.close();
  await once(stale, "close");
  assert.ok((await stat(path)).isSocket());

  const { url } = await startListener(t, (request) => text(`${request.remoteAddress}|${request.path}`), {
    listen: { path, mode: 0o660 },
  });
  assert.equal(url, `unix:${path}`);
  assert.equal((await stat(path)).mode & 0o777, 0o660);
  assert.match(await curl("--unix-socket", path, "http://localhost/x"), /\|\/x$/);
  await assert.rejects(createListener({ listen: { path } }, () => text(""), collect([])).listen(), {
    code: "HP_PORT_IN_USE",
  });

  const file = join(folder, "precious");
  await writeFile(file, "kept");
  await chmod(file, 0o600);
  await assert.rejects(createListener({ listen: { path: file } }, () => text(""), collect([])).listen());
  assert.ok((await stat(file)).isFile());
});

test("Node's own HTTP/2 client runs many streams over one connection", async (t) => {
  const { url, listener } = await startListener(t, async (request) => {
    await new Promise((resolve) => setImmediate(resolve));
    return text(request.path);
  });
  const session = connectHttp2(url);
  const bodies = await Promise.all(
    Array.from({ length: 90 }, async (_, at) => {
      const stream = session.request({ ":path": `/${at}` });
      let body = "";
      for await (const chunk of stream.setEncoding("utf8")) body += String(chunk);
      return body;
    }),
  );
  assert.deepEqual(
    bodies,
    Array.from({ length: 90 }, (_, at) => `/${at}`),
  );
  assert.equal(listener.connections().open, 1);
  session.close();
});

function get(target: string): string {
  return `GET ${target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`;
}
