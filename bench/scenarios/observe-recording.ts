import type { HttpRequest } from "../../src/http/message.ts";
import { openAdvice } from "../../src/observe/advice/index.ts";
import { TraceTables } from "../../src/observe/dashboard/trace-tables.ts";
import { createHttpMetrics } from "../../src/observe/http-metrics.ts";
import { createMetrics } from "../../src/observe/metrics.ts";
import { SAMPLES_NONE } from "../../src/observe/trace/sampler.ts";
import { createTracer, type Tracer } from "../../src/observe/trace/tracer.ts";
import { createStatement } from "../../src/postgres/pool/index.ts";
import { beginStatementSpan } from "../../src/postgres/statement-span.ts";
import type { Scenario } from "../context.ts";
import { median } from "../statistics.ts";

/** What recording a request costs by itself, in processor time, which other programs hardly change. No server. */
export const observeRecording: Scenario = {
  name: "observe-recording",
  summary: "What recording a request adds to its processor time, measured alone.",
  needsDatabase: false,
  run({ rounds, signal, say }) {
    const found = new Map<string, number[]>(Object.keys(CONTESTANTS).map((name) => [name, []]));
    // The first round only warms up.
    for (let round = 0; round <= rounds; round++) {
      for (const [name, record] of Object.entries(CONTESTANTS)) {
        signal.throwIfAborted();
        const nanoseconds = measure(record);
        if (round > 0) found.get(name)?.push(nanoseconds);
      }
      say(`round ${round} of ${rounds}`);
    }
    const rows = [...found].map(([name, each]) => [name, median(each).toFixed(0)]);
    return Promise.resolve({
      table: { columns: ["recorded", "ns a request"], rows },
      details: [...found],
      failures: 0,
      notes: [
        "A repeated reply (of the memo) is counted and nothing else. What a request costs in all, read-by-key and cache-hit say.",
      ],
    });
  },
};

const REQUESTS = 300_000;

function measure(record: () => void): number {
  const before = process.cpuUsage();
  for (let at = 0; at < REQUESTS; at++) record();
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1000) / REQUESTS;
}

const metrics = createMetrics();
const http = createHttpMetrics(metrics);
const log = { debug() {}, info() {}, warn() {}, error() {} };
const listeners = [
  new TraceTables(),
  openAdvice({ isCompressing: true, explain: () => Promise.resolve(undefined) }, log, metrics),
];
const watching = createTracer({ sampler: SAMPLES_NONE, slowMs: 1000, listeners });
const exporting = createTracer({ sampler: SAMPLES_NONE, slowMs: 1000, listeners, isExporting: true });
const request = { method: "GET", path: "/users/1", query: "", headers: {}, httpVersion: "1.1" } as HttpRequest;
const reply = { status: 200, body: "{}", headers: {} };
const commands = [{ statement: createStatement(`SELECT row_to_json(u) FROM users AS u WHERE id = $1`), values: ["1"] }];

/** A read of the database, as the pipeline and the source tell of it. */
function read(tracer: Tracer): void {
  const startedMs = performance.now();
  const trace = tracer.begin(request, startedMs);
  trace?.admitted();
  const cache = trace?.root.begin("cache");
  const span = cache && beginStatementSpan(cache, { schema: "public", target: "users", timezone: null }, commands);
  span?.set("hotpath.pool.wait_ms", 0.1);
  span?.end();
  cache?.end();
  trace?.resolved(reply.body);
  if (trace === undefined) tracer.isNotable(reply.status, performance.now() - startedMs);
  else tracer.end(trace, request, "/users/:key", reply);
}

const CONTESTANTS = {
  "a request counted and timed": () => http.record("GET", "/users/:key", 200, 0.0004),
  "a read watched, few of many followed": () => read(watching),
  "a read recorded whole, as where traces are exported": () => read(exporting),
};
