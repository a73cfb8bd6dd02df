import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { serve } from "@hono/node-server";
import express from "express";
import { z } from "zod";
import type * as ExpressExample from "../../examples/mounted/express.ts";
import type * as FastifyExample from "../../examples/mounted/fastify.ts";
import type * as HonoExample from "../../examples/mounted/hono.ts";
import type * as NodeExample from "../../examples/mounted/node-http.ts";
import { hotpath as forExpress } from "../../src/adapters/express.ts";
import { defineApi, events, get, ndjson, post } from "../../src/index.ts";
import { listening, load } from "./mounted-fixture.ts";
import { defer } from "../support/defer.ts";

/** The pipeline is whole: cached, validated, compressed, limited, refused in its own words. */
async function assertServed(url: string, framework: string | undefined): Promise<void> {
  const first = await fetch(`${url}/api/greetings/Ada`);
  assert.equal(first.status, 200);
  const greeting = await first.json();
  const second = await fetch(`${url}/api/greetings/Ada`);
  assert.deepEqual(await second.json(), greeting);
  assert.match(String(second.headers.get("cache-status")), /hit/);
  assert.match(String(second.headers.get("ratelimit")), /burst/);
  // Left to itself, fetch asks for a new one.
  const conditions = { "if-none-match": String(first.headers.get("etag")), "cache-control": "min-fresh=0" };
  const again = await fetch(`${url}/api/greetings/Ada`, { headers: conditions });
  assert.equal(again.status, 304);
  const head = await fetch(`${url}/api/greetings/Ada`, { method: "HEAD" });
  assert.deepEqual([head.status, await head.text()], [200, ""]);
  assert.equal((await fetch(`${url}/api/greetings/Ada`, { method: "DELETE" })).status, 405);
  if (framework === undefined) return;
  assert.deepEqual(await (await fetch(`${url}/own`)).json(), { from: framework });
  assert.equal((await fetch(`${url}/nowhere`)).status, 404);
}

test("an API is mounted in Express", async (t) => {
  const { app } = await load<typeof ExpressExample>("express.ts");
  await assertServed(await listening(t, createServer(app)), "express");
});

test("an API is mounted in Fastify, and ends with it", async (t) => {
  const { app } = await load<typeof FastifyExample>("fastify.ts");
  defer(t, () => app.close());
  await assertServed(await app.listen({ port: 0, host: "127.0.0.1" }), "fastify");
});

test("an API is mounted in Hono", async (t) => {
  const { app } = await load<typeof HonoExample>("hono.ts");
  const { promise, resolve } = Promise.withResolvers<number>();
  const server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }, ({ port }) => resolve(port));
  defer(t, () => {
    server.close();
  });
  await assertServed(`http://127.0.0.1:${await promise}`, "hono");
});

test("an API answers a server of node:http", async (t) => {
  const { server } = await load<typeof NodeExample>("node-http.ts");
  await assertServed(await listening(t, server), undefined);
});

test("content arrives, streams leave, and what came too late is an error", async (t) => {
  const api = defineApi({
    log: { level: "silent" },
    http: { maxBodyBytes: 100 },
    routes: [
      post("/echo", { body: z.object({ text: z.string() }), handle: ({ body }) => body }),
      get("/lines", { handle: () => ndjson([1, 2, 3]) }),
      get("/events", { handle: () => events([{ data: 1 }]) }),
      get("/empty", { handle: () => undefined }),
    ],
  });
  defer(t, () => api.close());
  const app = express();
  app.use("/late", express.json());
  app.use("/late", (request, response, next) => {
    request.originalUrl = "/echo";
    forExpress(api)(request, response, next);
  });
  app.use("/", forExpress(api));
  const url = await listening(t, createServer(app));
  const send = { method: "POST", headers: { "content-type": "application/json" }, body: '{"text":"é"}' };
  const ways: Readonly<Record<string, (path: string, init?: RequestInit) => Promise<Response>>> = {
    express: async (path, init) => fetch(url + path, init),
    fetch: async (path, init) => api.fetch(new Request(`http://localhost${path}`, init)),
  };
  for (const [name, ask] of Object.entries(ways)) {
    assert.deepEqual(await (await ask("/echo", send)).json(), { text: "é" }, name);
    const large = await ask("/echo", { ...send, body: JSON.stringify({ text: "x".repeat(200) }) });
    assert.equal(large.status, 413, name);
    assert.equal(await (await ask("/lines")).text(), "1\n2\n3\n", name);
    assert.equal(await (await ask("/events")).text(), "data: 1\n\n", name);
    assert.equal((await ask("/empty")).status, 204, name);
    assert.equal((await ask("/nowhere")).status, 404, name);
  }
  assert.equal((await fetch(`${url}/late`, send)).status, 500);
  assert.match(await api.metrics(), /api_requests_total\{method="POST",endpoint="\/echo",status_code="200"\} 2/);
});

test("an API that cannot start says so to whoever starts it, and 503 to clients", async () => {
  const twice = get("/a", { handle: () => 1 });
  const api = defineApi({ routes: [twice, twice], log: { level: "silent" } });
  await assert.rejects(api.start(), { code: "HP_ROUTE_CONFLICT" });
  await assert.rejects(api.fetch(new Request("http://localhost/a")), { code: "HP_ROUTE_CONFLICT" });
  await api.close();
});
