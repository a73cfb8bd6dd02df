import assert from "node:assert/strict";
import { test } from "node:test";
import { parseTraceparent } from "../../src/observe/trace/context.ts";
import { readTraceEnvironment } from "../../src/observe/trace/environment.ts";
import { createTracer, type EndedTrace } from "../../src/observe/trace/tracer.ts";
import type { HttpRequest } from "../../src/http/message.ts";

const ID = "4bf92f3577b34da6a3ce929d0e0e4736";

test("reads traceparent as W3C words it, and takes what is malformed for none", () => {
  const parent = { traceId: ID, spanId: "00f067aa0ba902b7", isSampled: true };
  assert.deepEqual(parseTraceparent(`00-${ID}-00f067aa0ba902b7-01`), parent);
  assert.deepEqual(parseTraceparent(`cc-${ID}-00f067aa0ba902b7-03-later`), parent);
  assert.equal(parseTraceparent(`00-${ID}-00f067aa0ba902b7-02`)?.isSampled, false);
  for (const malformed of [
    `00-${ID}-00f067aa0ba902b7-01-more`,
    `ff-${ID}-00f067aa0ba902b7-01`,
    `00-${"0".repeat(32)}-00f067aa0ba902b7-01`,
    `00-${ID}-${"0".repeat(16)}-01`,
    `00-${ID.toUpperCase()}-00f067aa0ba902b7-01`,
    `00-${ID}-00f067aa0ba902b7`,
    "",
  ]) {
    assert.equal(parseTraceparent(malformed), undefined, malformed);
  }
});

test("only an endpoint or an exporter switches tracing on", () => {
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318" };
  assert.equal(readTraceEnvironment({}), undefined);
  assert.equal(readTraceEnvironment({ OTEL_SERVICE_NAME: "shop" }), undefined);
  assert.equal(readTraceEnvironment({ ...endpoint, OTEL_SDK_DISABLED: "true" }), undefined);
  assert.equal(readTraceEnvironment({ ...endpoint, OTEL_TRACES_EXPORTER: "none" }), undefined);
  assert.deepEqual(readTraceEnvironment(endpoint), {
    protocol: "http/protobuf",
    sampler: { ratio: 1, heedsParent: true },
    complaints: [],
  });
  const sampled = { ...endpoint, OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "0.01" };
  assert.deepEqual(readTraceEnvironment(sampled)?.sampler, { ratio: 0.01, heedsParent: false });
  const wrong = { ...endpoint, OTEL_TRACES_SAMPLER: "sometimes", OTEL_EXPORTER_OTLP_PROTOCOL: "pigeon" };
  assert.equal(readTraceEnvironment(wrong)?.complaints.length, 2);
});

test("chooses ahead, heeds who asks, keeps failures, and bounds the spans of a request", () => {
  const kept: EndedTrace[] = [];
  const draws = [0.5, 0.001, 0.5, 0.5, 0.5];
  const tracer = createTracer({
    sampler: { ratio: 0.01, heedsParent: true },
    slowMs: 60_000,
    listeners: [{ wants: (_trace, isKept) => isKept, ended: (ended) => kept.push(ended) }],
    random: () => draws.shift() ?? 0.5,
  });
  const ask = (status: number, traceparent?: string): void => {
    const request = { method: "GET", path: "/", headers: { traceparent } } as unknown as HttpRequest;
    tracer.end(tracer.begin(request, performance.now()), request, "/", { status });
  };
  assert.equal(tracer.isNextSampled, false);
  ask(200);
  assert.equal(tracer.isNextSampled, true);
  ask(200, `00-${ID}-00f067aa0ba902b7-00`);
  assert.equal(tracer.isNextSampled, true, "who asks has decided: the choice stands for the next");
  ask(200);
  ask(404);
  ask(503);
  ask(200, `00-${ID}-00f067aa0ba902b7-01`);
  assert.deepEqual(
    kept.map(({ status, trace }) => [status, trace.isSampled]),
    [
      [200, true],
      [503, false],
      [200, true],
    ],
  );
  const trace = tracer.begin({ headers: {} } as HttpRequest, performance.now());
  for (let at = 0; at < 1000; at++) trace.root.begin("part").end();
  assert.equal(trace.spans.length + trace.dropped, 1001);
  assert.ok(trace.spans.length <= 128);
});
