import { fileURLToPath } from "node:url";
import { Histogram } from "../../src/load/histogram.ts";
import type { Scenario } from "../context.ts";
import type { CountingStep } from "../load/counting.ts";
import { runTool } from "../load/run-tool.ts";

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
    const steps: CountingStep[] = [];
    const program = fileURLToPath(new URL("../load/counting.ts", import.meta.url));
    const printed = await runTool(process.execPath, [program, String(SAMPLES)], signal);
    for (const line of printed.trim().split("\n")) {
      const step = JSON.parse(line) as CountingStep;
      steps.push(step);
      rows.push([
        `after ${step.requests / 1e6} million requests`,
        `${megabytes(step.workerBytes)} resident in the process that records, ${megabytes(step.coordinatorBytes)} in the one that adds up`,
      ]);
      say(rows.at(-1)!.join(": "));
    }
    const each = steps.reduce((sum, { nanosecondsEach }) => sum + nanosecondsEach, 0) / Math.max(1, steps.length);
    rows.push(["all of a request: 12 metrics, its name, and sending them", `${each.toFixed(0)} ns`]);
    return {
      table: { columns: ["", ""], rows },
      details: { rows, steps },
      failures: 0,
      notes: [
        "50,000 requests of 500 names between two messages, which is a second of a run; they are recorded faster than a network could carry them, by what `hotpath load` records with, in processes as it starts them. `npm run check:load` sends requests for as long as it takes.",
      ],
    };
  },
};

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

const SAMPLES = 50_000_000;

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
