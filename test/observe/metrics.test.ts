import assert from "node:assert/strict";
import { test } from "node:test";
import { assert as check, double, property, string, tuple, uniqueArray } from "fast-check";
import { createHttpMetrics } from "../../src/observe/http-metrics.ts";
import { createMetrics } from "../../src/observe/metrics.ts";
import { createProcessMetrics } from "../../src/observe/process-metrics.ts";

test("counters, gauges and histograms render as Prometheus reads them", () => {
  const metrics = createMetrics();
  const counter = metrics.counter({
    name: "requests_total",
    help: 'All "requests"\nso \\ far.',
    labels: ["method", "path"],
  });
  counter.with("GET", 'a"b\\c\nd').add();
  counter.with("GET", 'a"b\\c\nd').add(2);
  counter.with("GET", "x").add(-5);
  counter.with("GET", "x").add(Number.NaN);
  metrics.gauge({ name: "temperature", help: "Now." }, () => -Infinity);
  metrics.gauge({ name: "size", help: "By kind.", labels: ["kind"] }, () => [{ labels: ["a"], value: 1.5 }]);
  const histogram = metrics.histogram({ name: "latency_seconds", help: "Time.", labels: ["m"], buckets: [0.1, 1] });
  for (const value of [0.05, 0.1, 0.5, 7, Number.NaN]) histogram.with("G").observe(value);
  assert.equal(
    metrics.render().split("# HELP metrics_")[0],
    `# HELP requests_total All "requests"\\nso \\\\ far.
# TYPE requests_total counter
requests_total{method="GET",path="a\\"b\\\\c\\nd"} 3
requests_total{method="GET",path="x"} 0
# HELP temperature Now.
# TYPE temperature gauge
temperature -Inf
# HELP size By kind.
# TYPE size gauge
size{kind="a"} 1.5
# HELP latency_seconds Time.
# TYPE latency_seconds histogram
latency_seconds_bucket{m="G",le="0.1"} 2
latency_seconds_bucket{m="G",le="1"} 3
latency_seconds_bucket{m="G",le="+Inf"} 4
latency_seconds_sum{m="G"} 7.65
latency_seconds_count{m="G"} 4
`,
  );
});

test("OpenMetrics names counters without their suffix and ends with EOF", () => {
  const metrics = createMetrics();
  metrics.counter({ name: "requests_total", help: 'Say "x".' }).with().add();
  const text = metrics.render("openmetrics");
  assert.match(text, /^# HELP requests Say \\"x\\"\.\n# TYPE requests counter\nrequests_total 1\n/);
  assert.match(text, /\n# EOF\n$/);
});

test("series are bounded: further label sets count as `other`, and a counter tells", () => {
  const metrics = createMetrics({ maxSeries: 3 });
  const counter = metrics.counter({ name: "hits_total", help: "Hits.", labels: ["a", "b"] });
  for (let at = 0; at < 10; at += 1) counter.with(String(at), "x").add();
  counter.with("0", "x").add();
  const text = metrics.render();
  assert.match(text, /hits_total\{a="0",b="x"\} 2\n/);
  assert.match(text, /hits_total\{a="other",b="other"\} 7\n/);
  assert.match(text, /metrics_series_overflow_total\{metric="hits_total"\} 7\n/);
  assert.equal(text.match(/^hits_total/gm)?.length, 4);
});

test("no two label sets share a series, whatever their values", () => {
  check(
    property(uniqueArray(tuple(string(), string()), { selector: (pair) => JSON.stringify(pair) }), (sets) => {
      const counter = createMetrics().counter({ name: "n_total", help: "N.", labels: ["a", "b"] });
      const series = new Set(sets.map(([a, b]) => counter.with(a, b)));
      assert.equal(series.size, sets.length);
      for (const [a, b] of sets) assert.ok(series.has(counter.with(a, b)));
    }),
  );
});

test("every rendered line is well-formed, whatever labels and values say", () => {
  const line = /^n\{a="(?:[^"\\\n]|\\["\\n])*"\} (?:[+-]Inf|NaN|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/;
  check(
    property(string({ unit: "binary" }), double(), (label, value) => {
      const metrics = createMetrics();
      metrics.gauge({ name: "n", help: "N.", labels: ["a"] }, () => [{ labels: [label], value }]);
      const lines = metrics.render().split("\n");
      assert.match(lines[2] ?? "", line);
      const read = /a="([^]*)"/.exec(lines[2] ?? "")?.[1]?.replace(/\\(.)/g, (_, c: string) => (c === "n" ? "\n" : c));
      assert.equal(read, label);
    }),
  );
});

test("a gauge that fails is left out and counted, the rest is told", () => {
  const metrics = createMetrics();
  metrics.gauge({ name: "broken", help: "B." }, () => {
    throw new Error("no");
  });
  metrics.gauge({ name: "whole", help: "W." }, () => 1);
  const text = metrics.render();
  assert.match(text, /^whole 1$/m);
  assert.doesNotMatch(text, /^broken/m);
  assert.match(text, /metrics_read_errors_total\{metric="broken"\} 1/);
});

test("names Prometheus does not know and double declarations are refused", () => {
  const metrics = createMetrics();
  metrics.counter({ name: "a_total", help: "" });
  const bad = { code: "HP_OPTION_INVALID" };
  assert.throws(() => metrics.counter({ name: "a_total", help: "" }), bad);
  assert.throws(() => metrics.counter({ name: "a-b", help: "" }), bad);
  assert.throws(() => metrics.counter({ name: "b", help: "", labels: ["le"] }), bad);
  assert.throws(() => metrics.counter({ name: "b", help: "", labels: ["x y"] }), bad);
  assert.throws(() => metrics.histogram({ name: "b", help: "", buckets: [2, 1] }), bad);
  assert.throws(() => metrics.counter({ name: "c_total", help: "", labels: ["x"] }).with(), { code: "HP_INTERNAL" });
});

test("requests are counted by method, route and status, timed, and counted while under way", () => {
  const metrics = createMetrics();
  const http = createHttpMetrics(metrics);
  http.begin();
  http.begin();
  http.end();
  http.record("GET", "/users/:id", 200, 0.0004);
  http.record("GET", "/users/:id", 200, 0.002);
  http.record("GET", "/users/:id", 404, 0.002);
  http.record("BREW", "/users/:id", 200, 0.002);
  http.record("SMUGGLE", "/users/:id", 700, 0.002);
  const text = metrics.render();
  assert.match(text, /^api_requests_total\{method="GET",endpoint="\/users\/:id",status_code="200"\} 2$/m);
  assert.match(text, /^api_requests_total\{method="GET",endpoint="\/users\/:id",status_code="404"\} 1$/m);
  assert.match(text, /^api_requests_total\{method="other",endpoint="\/users\/:id",status_code="200"\} 1$/m);
  assert.match(text, /^api_requests_total\{method="other",endpoint="\/users\/:id",status_code="other"\} 1$/m);
  assert.doesNotMatch(text, /BREW|SMUGGLE/);
  assert.match(text, /^api_request_duration_seconds_bucket\{method="GET",endpoint="\/users\/:id",le="0.0005"\} 1$/m);
  assert.match(text, /^api_request_duration_seconds_count\{method="GET",endpoint="\/users\/:id"\} 3$/m);
  assert.match(text, /^api_requests_in_flight 1$/m);
});

test("the process tells of its CPU, memory, event loop, files and version", () => {
  const metrics = createMetrics();
  const running = createProcessMetrics(metrics, "1.2.3");
  const text = metrics.render();
  running.stop();
  const valueOf = (series: string): number =>
    Number(
      text
        .split("\n")
        .find((line) => line.startsWith(`${series} `))
        ?.slice(series.length + 1),
    );
  assert.ok(valueOf("process_cpu_seconds_total") > 0);
  assert.ok(valueOf("process_resident_memory_bytes") > 1_000_000);
  assert.ok(valueOf('nodejs_heap_bytes{kind="used"}') > 1_000_000);
  assert.ok(valueOf("process_open_fds") > 2);
  assert.ok(valueOf("nodejs_eventloop_utilization") >= 0);
  for (const percentile of ["50", "99", "100"])
    assert.ok(valueOf(`nodejs_eventloop_lag_seconds{percentile="${percentile}"}`) >= 0);
  assert.match(text, /^hotpath_info\{version="1.2.3",node_version="[\d.]+"\} 1$/m);
  assert.equal(metrics.render().includes("metrics_read_errors_total{"), false);
});
