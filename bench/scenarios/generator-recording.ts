import { fileURLToPath } from "node:url";
import { createMetrics } from "../../src/load/metrics.ts";
import { createRecorder } from "../../src/load/recorder.ts";
import { Histogram } from "../../src/load/histogram.ts";
import { createSeries } from "../../src/load/series.ts";
import { addSample, type Total } from "../../src/load/totals.ts";
import type { Scenario } from "../context.ts";

/** What counting costs a load generator, in time and in memory; no server. */
export const generatorRecording: Scenario = {
  name: "generator-recording",
  summary: "Counting of 50 million requests: time of each, and memory on the way.",
  needsDatabase: false,
  async run({ say, signal }) {
    const rows: string[][] = [];
    const values = Float64Array.from({ length: 4096 }, (_, at) => 0.05 * 1.003 ** at);
    const histogram = new Histogram();
    const ours = nanoseconds((at) => histogram.record(values[at & 4095]!));
    rows.push(["one value in a histogram", `${ours.toFixed(1)} ns`]);
    const rival = await hdrHistogram();
    if (rival !== undefined)
      rows.push([
        "one value in hdr-histogram-js",
        `${nanoseconds((at) => rival.recordValue(Math.round(values[at & 4095]! * 1000))).toFixed(1)} ns`,
      ]);
    const metrics = createMetrics();
    const recorder = createRecorder(metrics);
    const totals = new Map<string, Total>();
    const series = createSeries();
    const tags = { of: (name: string) => (name === "status" ? "200" : undefined) };
    const startedAt = performance.now();
    for (let sample = 0, second = 0; sample < SAMPLES; second++) {
      for (const until = sample + A_SECOND; sample < until; sample++) {
        const ms = values[(sample * 7919) & 4095]!;
        recorder.record(
          {
            status: 200,
            hasFailed: false,
            method: "GET",
            name: `/items/${sample % 500}`,
            error: "",
            response: ms,
            blocked: 0,
            connecting: 0,
            tlsHandshaking: 0,
            sending: 0.01,
            waiting: ms,
            receiving: 0.01,
            sentBytes: 100,
            receivedBytes: 300,
          },
          tags,
        );
      }
      const samples = structuredClone(metrics.take());
      structuredClone(recorder.take());
      for (const one of samples) addSample(totals, one);
      series.add(
        {
          kind: "tick",
          second,
          samples,
          named: [],
          checks: [],
          vus: 1,
          progress: [],
          generator: { cpu: 0, loopDelayMs: 0, slipMs: 0, memoryBytes: 0 },
        },
        0,
      );
      if (sample % (SAMPLES / 5) === 0) {
        signal.throwIfAborted();
        globalThis.gc?.();
        const { heapUsed, rss } = process.memoryUsage();
        rows.push([
          `after ${sample / 1e6} million requests`,
          `${(rss / 1e6).toFixed(0)} MB resident, ${(heapUsed / 1e6).toFixed(0)} MB of them in use`,
        ]);
        say(rows.at(-1)!.join(": "));
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    const each = ((performance.now() - startedAt) * 1e6) / SAMPLES;
    rows.push(["all of a request: 12 metrics, its name, and sending them", `${each.toFixed(0)} ns`]);
    return {
      table: { columns: ["", ""], rows },
      details: rows,
      failures: 0,
      notes: [`${A_SECOND} requests a second for ${SAMPLES / A_SECOND} seconds, of 500 names.`],
    };
  },
};

const SAMPLES = 50_000_000;
const A_SECOND = 50_000;

function nanoseconds(call: (at: number) => void): number {
  const calls = 5_000_000;
  for (let at = 0; at < calls; at++) call(at);
  const startedAt = performance.now();
  for (let at = 0; at < calls; at++) call(at);
  return ((performance.now() - startedAt) * 1e6) / calls;
}

/** It comes with autocannon, so its own types may not be there. */
async function hdrHistogram(): Promise<{ recordValue(value: number): void } | undefined> {
  const file = fileURLToPath(new URL("../node_modules/hdr-histogram-js/dist/index.js", import.meta.url));
  try {
    const loaded = (await import(file)) as {
      build?: (options: object) => { recordValue(value: number): void };
      default?: { build: (options: object) => { recordValue(value: number): void } };
    };
    const build = loaded.build ?? loaded.default?.build;
    return build?.({
      lowestDiscernibleValue: 1,
      highestTrackableValue: 3_600_000_000,
      numberOfSignificantValueDigits: 3,
    });
  } catch {
    return undefined;
  }
}
