import { existsSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findCommand } from "../../test/support/commands.ts";
import type { BenchContext, Scenario } from "../context.ts";
import { type ArtilleryReport, artilleryCommand, LOAD_MAIN, measure, OURS, RIVALS_BIN } from "../load/generators.ts";
import { startServerProcess } from "../server-process.ts";

/** A second of standstill each ten seconds: what a generator says of the wait is known beforehand. */
export const latencyTruth: Scenario = {
  name: "generator-truth",
  summary:
    "A server that stands still for 1 s each 10 s, 200 requests/s: the 99th percentile that load generators report.",
  needsDatabase: false,
  async run(context) {
    const rows: string[][] = [];
    for (const contestant of truthContestants(context)) {
      context.signal.throwIfAborted();
      const server = await startServerProcess(stallingProgram(), "/ready", context.cores, context.signal);
      try {
        const { printed, result } = await runTool(contestant.words(`http://127.0.0.1:${server.port}/`), context);
        const ms = contestant.read(printed, result);
        const reply = await fetch(`http://127.0.0.1:${server.port}/stalls`, { signal: context.signal });
        const truth = trueQuantile((await reply.json()) as number[], 0.01);
        context.say(`${contestant.name}: ${ms} ms, computed ${truth} ms`);
        rows.push([
          contestant.name,
          `${Math.round(ms)} ms`,
          `${Math.round(truth)} ms`,
          `${((ms / truth - 1) * 100).toFixed(1)}%`,
        ]);
      } finally {
        await server.stop();
      }
    }
    return {
      table: { columns: ["load generator", "p99 it reports", "computed", "off by"], rows },
      details: rows,
      failures: 0,
      notes: [
        "Requests that are due while the server stands still wait for its end: of all, a share of (S - x) / T waits longer than x. The server tells how long it really stood still, planned or because the machine was busy with something else; for exactly 1 s each 10 s the 99th percentile is 900 ms.",
        "hotpath: `http_req_response_time`, from when a request was due. wrk sends as fast as it is answered; autocannon and Artillery send at the rate.",
      ],
    };
  },
};

const RATE = 200;
const TRUTH_SECONDS = 30;

/** The time that a share of all requests waits longer than, when they are due evenly and wait for the end of a standstill. */
function trueQuantile(stalls: readonly number[], share: number): number {
  const beyond = (ms: number): number =>
    stalls.reduce((sum, stall) => sum + Math.max(0, stall - ms), 0) / (TRUTH_SECONDS * 1000);
  let [low, high] = [0, Math.max(0, ...stalls)];
  for (let step = 0; step < 40; step++) {
    const middle = (low + high) / 2;
    if (beyond(middle) > share) low = middle;
    else high = middle;
  }
  return high;
}

interface TruthContestant {
  readonly name: string;
  readonly words: (url: string) => readonly string[];
  readonly read: (printed: string, result: string) => number;
}

function truthContestants({ folder }: BenchContext): TruthContestant[] {
  const result = join(folder, "truth.json");
  const scenario = join(folder, "truth-artillery.json");
  const seconds = String(TRUTH_SECONDS);
  const found: TruthContestant[] = [
    {
      name: OURS,
      words: (url) => [
        process.execPath,
        LOAD_MAIN,
        "load",
        url,
        "-d",
        `${seconds}s`,
        "--rate",
        String(RATE),
        "--connections",
        "50",
        "--workers",
        "1",
        "-q",
        "--json",
        result,
      ],
      read: (_printed, json) =>
        (JSON.parse(json) as { metrics: Record<string, { values: Record<string, number> }> }).metrics[
          "http_req_response_time"
        ]!.values["p(99)"]!,
    },
  ];
  if (findCommand("wrk") !== undefined) {
    found.push({
      name: "wrk",
      words: (url) => ["wrk", "-t1", "-c50", `-d${seconds}s`, "--timeout", "10s", "--latency", url],
      read: (printed) => {
        const [, number = "0", unit = "ms"] = /99%\s+([\d.]+)(us|ms|s)/.exec(printed) ?? [];
        return Number(number) * ({ us: 0.001, ms: 1, s: 1000 }[unit] ?? 1);
      },
    });
  }
  if (existsSync(`${RIVALS_BIN}autocannon`)) {
    found.push({
      name: "autocannon",
      words: (url) => [
        process.execPath,
        `${RIVALS_BIN}autocannon`,
        "-c",
        "50",
        "-R",
        String(RATE),
        "-d",
        seconds,
        "--json",
        url,
      ],
      read: (printed) => (JSON.parse(printed) as { latency: { p99: number } }).latency.p99,
    });
  }
  const command = artilleryCommand();
  if (command !== undefined) {
    found.push({
      name: "Artillery",
      words: (url) => [
        "bash",
        "-c",
        `printf %s "$1" > "$2"; shift 2; "$@"`,
        "--",
        JSON.stringify({
          config: { target: new URL(url).origin, phases: [{ duration: TRUTH_SECONDS, arrivalRate: RATE }] },
          scenarios: [{ flow: [{ get: { url: "/" } }] }],
        }),
        scenario,
        ...command,
        "run",
        scenario,
        "-q",
        "-o",
        result,
      ],
      read: (_printed, json) =>
        (JSON.parse(json) as ArtilleryReport).aggregate.summaries["http.response_time"]?.p99 ?? 0,
    });
  }
  return found;
}

async function runTool(
  words: readonly string[],
  { folder, signal }: BenchContext,
): Promise<{ printed: string; result: string }> {
  const file = join(folder, "truth.json");
  await rm(file, { force: true });
  const { printed } = await measure(words, signal);
  return { printed, result: await readFile(file, "utf8").catch(() => "") };
}

function stallingProgram() {
  return {
    key: "a server that stands still",
    words: () => [fileURLToPath(new URL("../contestants/stalling.mjs", import.meta.url))],
    environment: {},
  };
}
