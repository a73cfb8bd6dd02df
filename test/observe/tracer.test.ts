import assert from "node:assert/strict";
import { test } from "node:test";
import { TraceTables } from "../../src/observe/dashboard/trace-tables.ts";
import { parseTraceparent } from "../../src/observe/trace/context.ts";
import { readTraceEnvironment } from "../../src/observe/trace/environment.ts";
import { Pace } from "../../src/observe/trace/pace.ts";
import { SAMPLES_NONE } from "../../src/observe/trace/sampler.ts";
import { createTracer } from "../../src/observe/trace/tracer.ts";
import type { EndedTrace } from "../../src/observe/trace/ended-trace.ts";
import type { HttpRequest } from "../../src/http/message.ts";
import { seededRandom } from "../support/seeded-random.ts";

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
    isExporting: true,
    listeners: [{ wants: (_trace, isKept) => isKept, ended: (ended) => kept.push(ended) }],
    random: () => draws.shift() ?? 0.5,
  });
  const ask = (status: number, traceparent?: string): void => {
    const request = { method: "GET", path: "/", headers: { traceparent } } as unknown as HttpRequest;
    const trace = tracer.begin(request, performance.now());
    assert.ok(trace !== undefined, "all are recorded where traces are handed on");
    tracer.end(trace, request, "/", { status });
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
  assert.ok(trace !== undefined);
  for (let at = 0; at < 1000; at++) trace.root.begin("part").end();
  assert.equal(trace.spans.length + trace.dropped, 1001);
  assert.ok(trace.spans.length <= 128);
});

test("follows every request while they are few, a bounded number when they are many, and tells by them how many there were", () => {
  const pace = new Pace(seededRandom(7));
  let now = 0;
  /** Seconds at so many requests each: those followed in the last of them, and what they stand for. */
  const ask = (perSecond: number, seconds: number): { followed: number; stoodFor: number } => {
    let last = { followed: 0, stoodFor: 0 };
    for (let second = 0; second < seconds; second++) {
      last = { followed: 0, stoodFor: 0 };
      for (let at = 0; at < perSecond; at++) {
        const weight = pace.take((now += 1000 / perSecond));
        if (weight > 0) last.followed++;
        last.stoodFor += weight;
      }
    }
    return last;
  };
  assert.deepEqual(ask(5, 3), { followed: 5, stoodFor: 5 });
  assert.deepEqual(ask(90, 3), { followed: 90, stoodFor: 90 });
  const surge = ask(40_000, 1);
  assert.ok(surge.followed < 1200, `${surge.followed} in the first second of a surge`);
  const steady = ask(40_000, 5);
  assert.ok(steady.followed >= 60 && steady.followed <= 160, `${steady.followed} a second`);
  assert.ok(steady.stoodFor > 30_000 && steady.stoodFor < 50_000, `stand for ${steady.stoodFor}`);
  ask(5, 1);
  assert.deepEqual(ask(5, 2), { followed: 5, stoodFor: 5 }, "at once when they are few again");
});

test("what was slow or failed is told of though nobody followed it", () => {
  const tables = new TraceTables();
  const tracer = createTracer({ sampler: SAMPLES_NONE, slowMs: 1000, listeners: [tables], random: () => 0.5 });
  const now = performance.now();
  const request = { method: "GET", path: "/slow/1", headers: { traceparent: `00-${ID}-00f067aa0ba902b7-00` } };
  const asked = request as unknown as HttpRequest;
  let passed = 0;
  for (let at = 0; at < 10_000; at++) if (tracer.begin(asked, now) === undefined) passed++;
  assert.ok(passed > 8000);
  for (const status of [200, 503]) {
    assert.ok(tracer.isNotable(status, 2000));
    tracer.end(tracer.late(asked, now - 2000), asked, "/slow/:id", { status });
  }
  assert.ok(tracer.isNotable(503, 1), "whatever it took");
  const [first] = tables.slowest;
  assert.deepEqual([first?.route, first?.isFollowed, first?.traceId, first?.spans.length], ["/slow/:id", false, ID, 1]);
  assert.deepEqual(
    tables.failed.map(({ status }) => status),
    [503],
  );
  assert.deepEqual(tables.stages, [], "nothing is known of its parts");
});
