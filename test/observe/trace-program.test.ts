import assert from "node:assert/strict";
import { test } from "node:test";
import { SpanStatusCode, trace } from "@opentelemetry/api";
import {
  InMemorySpanExporter,
  ParentBasedSampler,
  AlwaysOnSampler,
  SimpleSpanProcessor,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { testDatabase } from "../support/postgres.ts";
import { serve } from "../support/server.ts";

const CLIENT = { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "00f067aa0ba902b7" };

await test("a program's own OpenTelemetry gets the spans, in one tree with what asked and with its choice", async (t) => {
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({
    sampler: new ParentBasedSampler({ root: new AlwaysOnSampler() }),
    spanProcessors: [new SimpleSpanProcessor({ exporter })],
  });
  trace.setGlobalTracerProvider(provider);
  t.after(() => trace.disable());
  const database = await testDatabase(t, { sql: "create table films (id int primary key)" });
  // Whether the cache is in use yet depends on when changes are followed.
  const api = await serve(t, database, { postgres: { queryCache: { enabled: false } } });
  await api.get("/films?id=eq.1", { traceparent: `00-${CLIENT.traceId}-${CLIENT.spanId}-00` });
  assert.deepEqual(exporter.getFinishedSpans(), [], "who asks has chosen not to");
  await api.get("/films?id=eq.2", { traceparent: `00-${CLIENT.traceId}-${CLIENT.spanId}-01` });
  const spans = exporter.getFinishedSpans();
  assert.ok(spans.every((span) => span.spanContext().traceId === CLIENT.traceId));
  const path: string[] = [];
  let at = spans.find(({ name }) => name === "SELECT films");
  for (; at !== undefined; at = spans.find((span) => span.spanContext().spanId === at?.parentSpanContext?.spanId)) {
    path.unshift(at.name);
  }
  assert.deepEqual(path, ["GET /films", "SELECT films"]);
  const root = spans.find(({ name }) => name === "GET /films");
  assert.equal(root?.parentSpanContext?.spanId, CLIENT.spanId);
  assert.equal(root?.attributes["http.response.status_code"], 200);
  assert.equal(root?.status.code, SpanStatusCode.UNSET);
});
