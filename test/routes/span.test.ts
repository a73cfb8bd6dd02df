import assert from "node:assert/strict";
import { test } from "node:test";
import { SpanStatusCode, trace } from "@opentelemetry/api";
import { AlwaysOnSampler, InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { get, HotpathError, post, postgres } from "../../src/index.ts";
import { testDatabase } from "../support/postgres.ts";
import { serveSources } from "../support/server.ts";

const routes = [
  get("/price/:id", {
    handle: async ({ params, span }) =>
      span("price", async ({ sql, set, span }) => {
        set("shop.product", params.id);
        const { base } = await sql.one<{ base: number }>`select ${params.id}::int * 10 as base`;
        return span("taxes", () => ({ price: base * 1.2 }));
      }),
  }),
  post("/fails", {
    handle: async ({ span }) =>
      span("refusal", () => {
        throw new HotpathError("HP_NOT_FOUND", "There is no such thing.");
      }),
  }),
  post("/writes", {
    handle: async ({ span }) => span("write", ({ sql }) => sql.transaction(async (sql) => sql`select 1 as one`)),
  }),
];

await test("parts of a handler stand in the request's trace under their names, with what they ask below them", async (t) => {
  const sources = { "/": postgres(await testDatabase(t), { queryCache: { enabled: false } }) };
  const silent = await serveSources(t, sources, { routes });
  assert.deepEqual(await silent.json("/price/5"), { price: 60 }, "without anybody who follows");
  const exporter = new InMemorySpanExporter();
  trace.setGlobalTracerProvider(
    new TracerProvider({ sampler: new AlwaysOnSampler(), spanProcessors: [new SimpleSpanProcessor({ exporter })] }),
  );
  t.after(() => trace.disable());
  const api = await serveSources(t, sources, { routes });
  assert.deepEqual(await api.json("/price/5"), { price: 60 });
  assert.equal((await api.send("POST", "/fails")).status, 404);
  assert.equal((await api.send("POST", "/writes")).status, 200);
  const spans = exporter.getFinishedSpans();
  const pathTo = (name: string): string[] => {
    const path: string[] = [];
    let at = spans.find((span) => span.name === name);
    for (; at !== undefined; at = spans.find((span) => span.spanContext().spanId === at?.parentSpanContext?.spanId)) {
      path.unshift(at.name);
    }
    // Whether the cache is told of it is not this test's concern.
    return path.filter((each) => each !== "cache");
  };
  assert.deepEqual(pathTo("SELECT"), ["GET /price/:id", "handler", "price", "SELECT"]);
  assert.deepEqual(pathTo("taxes"), ["GET /price/:id", "handler", "price", "taxes"]);
  assert.deepEqual(pathTo("TRANSACTION"), ["POST /writes", "handler", "write", "TRANSACTION"]);
  const ofFailed = spans.find(({ name, status }) => name === "handler" && status.code === SpanStatusCode.ERROR);
  assert.equal(ofFailed?.attributes["error.type"], "HP_NOT_FOUND");
  assert.equal(spans.find(({ name }) => name === "price")?.attributes["shop.product"], "5");
  assert.equal(spans.find(({ name }) => name === "refusal")?.status.code, SpanStatusCode.ERROR);
});
