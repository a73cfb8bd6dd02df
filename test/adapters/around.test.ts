import assert from "node:assert/strict";
import { createServer } from "node:http";
import { pipeline, Readable } from "node:stream";
import { test } from "node:test";
import { serve } from "@hono/node-server";
import express from "express";
import Fastify from "fastify";
import { Hono } from "hono";
import { stream } from "hono/streaming";
import type * as ExpressExample from "../../examples/mounted/around-express.ts";
import type * as FastifyExample from "../../examples/mounted/around-fastify.ts";
import type * as HonoExample from "../../examples/mounted/around-hono.ts";
import { around as aroundExpress } from "../../src/adapters/express.ts";
import { around as aroundFastify } from "../../src/adapters/fastify.ts";
import { around as aroundHono } from "../../src/adapters/hono.ts";
import { listening, load } from "./mounted-fixture.ts";
import { defer, type TestScope } from "../support/defer.ts";
import { type Answer, sendRequest } from "../support/server.ts";

async function listeningHono(t: TestScope, app: Pick<Hono, "fetch">): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }, ({ port }) => resolve(port));
  defer(t, () => {
    server.close();
  });
  return `http://127.0.0.1:${await promise}`;
}

/** The first reply that comes from the cache: a stream is stored once it has ended. */
async function stored(url: string, path: string): Promise<Answer> {
  for (;;) {
    const answer = await sendRequest(url, "GET", path, {});
    if (String(answer.headers["cache-status"]).includes("hit")) return answer;
  }
}

const JSON_TYPE = { "content-type": "application/json" };

async function assertAround(url: string): Promise<void> {
  const get = (path: string, headers = {}) => sendRequest(url, "GET", path, headers);
  const first = await get("/items/7");
  assert.equal(first.status, 200);
  const item = JSON.parse(first.text) as { id: string; made: number };
  assert.equal(item.id, "7");
  const second = await stored(url, "/items/7");
  assert.deepEqual(JSON.parse(second.text), JSON.parse((await get("/items/7")).text), "the handler has not run again");
  assert.match(String(second.headers["ratelimit"]), /burst/);
  const coded = await get("/items/7", { "accept-encoding": "gzip" });
  assert.equal(coded.headers["content-encoding"], "gzip");
  assert.ok(coded.bytes.length < first.bytes.length / 5);
  const again = await get("/items/7", { "if-none-match": String(second.headers.etag) });
  assert.deepEqual([again.status, again.text], [304, ""]);
  const head = await sendRequest(url, "HEAD", "/items/7", {});
  assert.deepEqual([head.status, head.text], [200, ""]);
  const other = JSON.parse((await get("/items/8")).text) as { id: string; made: number };
  assert.ok(other.made > item.made);
  const content = JSON.stringify({ name: "ü", more: "x".repeat(10_000) });
  const posted = await sendRequest(url, "POST", "/items", JSON_TYPE, content);
  assert.deepEqual([posted.status, posted.text], [201, content]);
  assert.equal((await get("/nowhere")).status, 404);
}

test("the pipeline stands around an Express application's handlers", async (t) => {
  const { app, pipeline } = await load<typeof ExpressExample>("around-express.ts");
  defer(t, () => pipeline.api.close());
  await assertAround(await listening(t, createServer(app)));
});

test("the pipeline stands around a Fastify application's handlers", async (t) => {
  const { app } = await load<typeof FastifyExample>("around-fastify.ts");
  defer(t, () => app.close());
  await assertAround(await app.listen({ port: 0, host: "127.0.0.1" }));
});

test("the pipeline stands around a Hono application's handlers", async (t) => {
  const { app, pipeline } = await load<typeof HonoExample>("around-hono.ts");
  defer(t, () => pipeline.api.close());
  await assertAround(await listeningHono(t, app));
});

/** What applications do besides: cookies, streams, refusals by limits, replies that are refreshed behind the client's back. */
interface Behaviour {
  readonly stale: () => string;
  readonly lines: () => AsyncGenerator<string>;
}

const QUIET = { log: { level: "silent" }, overload: { enabled: false } } as const;

function behave(): { behaviour: Behaviour; ended: Promise<void>; made: () => number } {
  let made = 0;
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  async function* lines(): AsyncGenerator<string> {
    try {
      for (let line = 0; ; line++) yield `line ${line} ${"x".repeat(1000)}\n`;
    } finally {
      resolve();
    }
  }
  return { behaviour: { stale: () => `made ${++made}`, lines }, ended, made: () => made };
}

const SERVERS: Readonly<Record<string, (t: TestScope, behaviour: Behaviour) => Promise<string>>> = {
  async express(t, { stale, lines }) {
    const app = express();
    const around = aroundExpress(app, QUIET);
    defer(t, () => around.api.close());
    app.use(around);
    app.get("/stale", (_request, response) => {
      response.set("cache-control", "max-age=0, stale-while-revalidate=3600").send(stale());
    });
    app.get("/cookies", (_request, response) => {
      response.cookie("a", "1").cookie("b", "2").status(202).end("done");
    });
    app.get("/lines", (_request, response) => {
      pipeline(Readable.from(lines()), response, () => undefined);
    });
    app.get("/fails", (_request, response) => void response.status(500).end());
    return listening(t, createServer(app));
  },
  async fastify(t, { stale, lines }) {
    const app = Fastify();
    aroundFastify(app, QUIET);
    defer(t, () => app.close());
    app.get("/stale", async (_request, reply) =>
      reply.header("cache-control", "max-age=0, stale-while-revalidate=3600").type("text/html").send(stale()),
    );
    app.get("/cookies", async (_request, reply) => reply.header("set-cookie", ["a=1", "b=2"]).code(202).send("done"));
    app.get("/lines", async (_request, reply) => reply.send(Readable.from(lines())));
    app.get("/fails", async () => {
      throw new Error("a failure");
    });
    return app.listen({ port: 0, host: "127.0.0.1" });
  },
  async hono(t, { stale, lines }) {
    const app = new Hono();
    const pipeline = aroundHono(app, QUIET);
    defer(t, () => pipeline.api.close());
    app.use(pipeline);
    app.get("/stale", (context) => {
      context.header("cache-control", "max-age=0, stale-while-revalidate=3600");
      return context.text(stale());
    });
    app.get("/cookies", (context) => {
      context.header("set-cookie", "a=1", { append: true });
      context.header("set-cookie", "b=2", { append: true });
      return context.text("done", 202);
    });
    app.get("/lines", (context) =>
      stream(context, async (out) => {
        const all = lines();
        out.onAbort(() => void all.return(undefined));
        for await (const line of all) {
          if (out.aborted) break;
          await out.write(line);
        }
      }),
    );
    app.get("/fails", () => {
      throw new Error("a failure");
    });
    app.onError((_error, context) => context.text("failed", 500));
    return listeningHono(t, app);
  },
};

for (const [name, start] of Object.entries(SERVERS)) {
  test(`${name}: cookies pass, streams end with their client, stale replies are refreshed behind it`, async (t) => {
    const { behaviour, ended, made } = behave();
    const url = await start(t, behaviour);
    const cookies = await sendRequest(url, "GET", "/cookies", {});
    assert.deepEqual([cookies.status, cookies.text], [202, "done"]);
    assert.deepEqual(
      cookies.headers["set-cookie"]?.map((cookie) => cookie.split(";")[0]),
      ["a=1", "b=2"],
    );
    assert.equal((await sendRequest(url, "GET", "/fails", {})).status, 500);
    const stale = await stored(url, "/stale");
    assert.equal(stale.status, 200);
    // It is out of date at once, so the reply was refreshed behind it; what is seen later is newer.
    while ((await sendRequest(url, "GET", "/stale", {})).text === stale.text);
    assert.ok(made() >= 2);
    const leaving = new AbortController();
    const response = await fetch(`${url}/lines`, { signal: leaving.signal });
    const reader = response.body?.getReader();
    const { value } = (await reader?.read()) ?? {};
    assert.match(Buffer.from(value ?? []).toString(), /^line 0 x/);
    leaving.abort();
    await ended;
  });
}

test("a limit refuses before the application is asked", async (t) => {
  const app = express();
  let asked = 0;
  const pipeline = aroundExpress(app, { ...QUIET, limits: [{ name: "few", quota: 1, window: "1h", by: "ip" }] });
  defer(t, () => pipeline.api.close());
  app.use(pipeline);
  app.get("/", (_request, response) => void response.send(String(++asked)));
  const url = await listening(t, createServer(app));
  assert.equal((await sendRequest(url, "GET", "/", {})).status, 200);
  assert.equal((await sendRequest(url, "GET", "/", {})).status, 429);
  assert.equal(asked, 1);
});
