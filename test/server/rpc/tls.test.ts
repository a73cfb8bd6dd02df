import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "node:tls";
import { once } from "node:events";
import { credentials, status } from "@grpc/grpc-js";
import { createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { devCertificate } from "../../../src/server/listener/index.ts";
import { type Calls, describeServices, type Streams } from "../../support/connect.ts";
import { defer } from "../../support/defer.ts";
import { failureOf, grpcClient } from "../../support/grpc.ts";
import { testDatabase } from "../../support/postgres.ts";
import { loadProto } from "../../support/proto.ts";
import { serve } from "../../support/server.ts";

const SQL = `
  create table users (id int primary key, name text not null);
  insert into users select n, 'user ' || n from generate_series(1, 1500) n;`;

const USERS = "hotpath.api.UsersService";

test("gRPC, gRPC-Web and Connect over TLS, by their own clients", async (t) => {
  const { cert, key } = await devCertificate();
  const directory = await mkdtemp(join(tmpdir(), "tls-"));
  defer(t, () => rm(directory, { recursive: true }));
  const files = { cert: join(directory, "cert.pem"), key: join(directory, "key.pem") };
  await writeFile(files.cert, cert);
  await writeFile(files.key, key);
  const url = await testDatabase(t, { sql: SQL });
  const api = await serve(t, url, { server: { server: { tls: files } } });
  assert.match(api.url, /^https:/);
  // What describes the API is the same without TLS.
  const plain = await serve(t, url);
  const port = Number(new URL(api.url).port);

  await t.test("grpc-js", async () => {
    const root = await loadProto(plain);
    const secure = credentials.createSsl(Buffer.from(cert));
    const client = grpcClient(t, `https://localhost:${port}`, root, secure);
    assert.deepEqual(await client.unary(`${USERS}/Get`, { id: 7 }), { id: 7, name: "user 7" });
    let rows = 0;
    for await (const row of client.stream(`${USERS}/Export`, {})) rows += row.id === undefined ? 0 : 1;
    assert.equal(rows, 1500);
    assert.equal((await failureOf(client.unary(`${USERS}/Get`, { id: 0 }))).code, status.NOT_FOUND);
    const stranger = grpcClient(t, `https://localhost:${port}`, root, credentials.createSsl());
    assert.equal((await failureOf(stranger.unary(`${USERS}/Get`, { id: 7 }))).code, status.UNAVAILABLE);
  });

  await t.test("Connect in Node", async () => {
    const services = await describeServices(plain);
    const options = { baseUrl: `https://localhost:${port}`, nodeOptions: { ca: cert } };
    const transports: Readonly<Record<string, Transport>> = {
      "Connect over HTTP/1.1": createConnectTransport({ ...options, httpVersion: "1.1" }),
      "Connect over HTTP/2": createConnectTransport({ ...options, httpVersion: "2" }),
      "gRPC-Web over HTTP/1.1": createGrpcWebTransport({ ...options, httpVersion: "1.1" }),
      "gRPC-Web over HTTP/2": createGrpcWebTransport({ ...options, httpVersion: "2" }),
      gRPC: createGrpcTransport(options),
    };
    for (const [name, transport] of Object.entries(transports)) {
      const users = createClient(services(USERS), transport) as unknown as Calls & Streams;
      assert.equal((await users["get"]!({ id: 9 }))["name"], "user 9", name);
      let rows = 0;
      for await (const row of (users as Streams)["export"]!({})) rows += typeof row["id"] === "number" ? 1 : 0;
      assert.equal(rows, 1500, name);
    }
  });

  await t.test("h2 is what ALPN comes to, for whoever offers it", async () => {
    for (const [offered, chosen] of [
      [["h2"], "h2"],
      [["h2", "http/1.1"], "h2"],
      [["http/1.1"], "http/1.1"],
    ] as const) {
      const socket = connect({
        port,
        host: "localhost",
        servername: "localhost",
        ca: cert,
        ALPNProtocols: [...offered],
      });
      await once(socket, "secureConnect");
      assert.equal(socket.alpnProtocol, chosen);
      socket.destroy();
    }
  });
});
