import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createSecureServer,
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { describe, test } from "node:test";
import { devCertificate } from "../../src/server/listener/index.ts";
import { curl } from "../server/listener/harness.ts";
import { defer } from "../support/defer.ts";
import { serveUpstream } from "./harness.ts";

describe("an upstream that speaks HTTP/2", () => {
  test("is spoken to by prior knowledge over http", async (t) => {
    const server = createHttp2Server(answer);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    defer(t, () => new Promise((resolve) => server.close(() => resolve())));
    const { port } = server.address() as AddressInfo;
    const api = await serveUpstream(t, `http://127.0.0.1:${port}`, { protocol: "http2" });
    const reply = await curl("-X", "POST", "--data-binary", "x".repeat(100_000), `${api.url}/a`);
    assert.match(reply, /x-version: 2\.0/);
    assert.match(reply, /x{100000}$/);
    const many = await Promise.all(Array.from({ length: 50 }, async () => api.get("/")));
    assert.ok(many.every(({ status }) => status === 200));
  });

  test("is spoken to by ALPN over https, once its certificate is known", async (t) => {
    const certificate = await devCertificate();
    const server = createSecureServer({ ...certificate, allowHTTP1: true }, answer);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    defer(t, () => new Promise((resolve) => server.close(() => resolve())));
    const { port } = server.address() as AddressInfo;
    const api = await serveUpstream(t, `https://localhost:${port}`, { protocol: "http2", retry: { attempts: 0 } });
    const answered = await api.get("/");
    assert.equal(answered.status, 502, "a certificate that nobody vouches for");
    assert.doesNotMatch(answered.text, /certificate|localhost/);
    const directory = await mkdtemp(join(tmpdir(), "hotpath-upstream-"));
    defer(t, () => rm(directory, { recursive: true, force: true }));
    const ca = join(directory, "ca.pem");
    await writeFile(ca, certificate.cert);
    for (const [protocol, version] of [
      ["http2", "2.0"],
      ["http1", "1.1"],
    ] as const) {
      for (const host of ["auto", "preserve"] as const) {
        const trusting = await serveUpstream(t, `https://localhost:${port}`, { protocol, host, tls: { ca } });
        for (const name of ["a.example", "b.example"]) {
          const reply = await trusting.get("/", { host: name });
          assert.deepEqual([reply.status, reply.headers["x-version"]], [200, version], reply.text);
          assert.equal(reply.headers["x-host"], host === "preserve" ? name : `localhost:${port}`);
        }
      }
    }
  });
});

function answer(message: Http2ServerRequest, response: Http2ServerResponse): void {
  response.setHeader("content-type", "text/plain");
  response.setHeader("x-version", message.httpVersion);
  response.setHeader("x-host", message.authority ?? message.headers.host ?? "");
  message.pipe(response);
}
