import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findCommand } from "../../test/support/commands.ts";
import type { BenchContext, Scenario } from "../context.ts";
import { startServerProcess } from "../server-process.ts";
import { median } from "../statistics.ts";

/** `hotpath load` beside other load generators on one core: how much load, and what they say of a server that stands still. */
export const generator: Scenario = {
  name: "generator",
  summary: "Load generators on one core, asking nginx for 54 bytes: how much they send, and at what cost.",
  needsDatabase: false,
  async run(context) {
    const { rounds, signal, say, connections } = context;
    const server = await startServerProcess(await nginxProgram(context), "/", context.cores, signal);
    const turns = new Map<string, Turn[]>();
    const url = `http://127.0.0.1:${server.port}/`;
    try {
      const contestants = contestantsOf(context, url);
      for (let round = 0; round < rounds; round++) {
        for (const at of contestants.keys()) {
          const contestant = contestants[(at + round) % contestants.length]!;
          const turn = await runContestant(contestant, signal);
          turns.set(contestant.name, [...(turns.get(contestant.name) ?? []), turn]);
          say(`${contestant.name}: ${Math.round(turn.rate)}/s, ${turn.cpuMicroseconds.toFixed(1)} µs`);
        }
      }
    } finally {
      await server.stop();
    }
    const figure = (name: string, of: (turn: Turn) => number): number => median((turns.get(name) ?? []).map(of));
    const rows = [...turns.keys()].map((name) => {
      const rate = figure(name, (turn) => turn.rate);
      const cost = figure(name, (turn) => turn.cpuMicroseconds);
      return [
        name,
        String(Math.round(rate)),
        times(rate / figure("wrk", (turn) => turn.rate)),
        cost.toFixed(1),
        times(figure("wrk", (turn) => turn.cpuMicroseconds) / cost),
      ];
    });
    const ours = figure(OURS, (turn) => turn.rate);
    const notes = [`Each over ${connections} connections, closed loop.`];
    for (const [name, wanted] of [
      ["wrk", 0.5],
      ["autocannon", 2],
      ["Artillery", 10],
    ] as const) {
      if (turns.has(name))
        notes.push(
          `hotpath sends ${times(ours / figure(name, (turn) => turn.rate))} times what ${name} does (wanted: ${wanted}).`,
        );
    }
    return {
      table: { columns: ["load generator", "requests/s", "× wrk", "its µs each", "× wrk's"], rows },
      details: { turns: Object.fromEntries(turns) },
      failures: 0,
      notes,
    };
  },
};

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

const OURS = "hotpath load";
const RATE = 200;
const TRUTH_SECONDS = 30;
const MAIN = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const BIN = fileURLToPath(new URL("../node_modules/.bin/", import.meta.url));

interface Turn {
  readonly rate: number;
  /** Processor time of the generator for a request, system calls included. */
  readonly cpuMicroseconds: number;
}

interface Contestant {
  readonly name: string;
  readonly words: readonly string[];
  /** How many requests were answered. */
  readonly count: (printed: string, result: string) => number;
  readonly seconds: number;
  readonly result: string;
}

function contestantsOf({ folder, seconds, connections }: BenchContext, url: string): Contestant[] {
  const result = join(folder, "generator.json");
  const script = join(folder, "generator.js");
  const artillery = join(folder, "artillery.json");
  const c = String(connections);
  const found: Contestant[] = [
    {
      name: OURS,
      words: [
        process.execPath,
        MAIN,
        "load",
        url,
        "-d",
        `${seconds}s`,
        "--connections",
        c,
        "--workers",
        "1",
        "-q",
        "--json",
        result,
      ],
      count: (_printed, json) => countOf(json),
      seconds,
      result,
    },
    {
      name: "hotpath load, a script",
      words: [
        process.execPath,
        MAIN,
        "load",
        script,
        "-d",
        `${seconds}s`,
        "-u",
        c,
        "--workers",
        "1",
        "-q",
        "--json",
        result,
        "-e",
        `URL=${url}`,
      ],
      count: (_printed, json) => countOf(json),
      seconds,
      result,
    },
  ];
  if (findCommand("wrk") !== undefined) {
    found.push({
      name: "wrk",
      words: ["wrk", "-t1", `-c${c}`, `-d${seconds}s`, url],
      count: (printed) => Number(/(\d+) requests in/.exec(printed)?.[1]),
      seconds,
      result,
    });
  }
  if (findCommand("h2load") !== undefined) {
    found.push({
      name: "h2load",
      words: ["h2load", "--h1", "-t1", `-c${c}`, "-D", String(seconds), url],
      count: (printed) => Number(/(\d+) succeeded/.exec(printed)?.[1]),
      seconds,
      result,
    });
  }
  if (existsSync(`${BIN}autocannon`)) {
    found.push({
      name: "autocannon",
      words: [process.execPath, `${BIN}autocannon`, "-c", c, "-d", String(seconds), "--json", url],
      count: (printed) => (JSON.parse(printed) as { requests: { total: number } }).requests.total,
      seconds,
      result,
    });
  }
  const command = artilleryCommand();
  if (command !== undefined) {
    found.push({
      name: "Artillery",
      words: [...command, "run", artillery, "-q", "-o", result],
      count: (_printed, json) => (JSON.parse(json) as ArtilleryReport).aggregate.counters["http.responses"] ?? 0,
      seconds,
      result,
    });
  }
  return found;
}

interface ArtilleryReport {
  readonly aggregate: {
    readonly counters: Readonly<Record<string, number>>;
    readonly summaries: Readonly<Record<string, { readonly p99: number }>>;
  };
}

/** Artillery is 300 MB of clouds' clients, so it is measured where ARTILLERY names its program, or it is on the path. */
function artilleryCommand(): readonly string[] | undefined {
  const named = process.env["ARTILLERY"];
  if (named !== undefined) return [process.execPath, named];
  return findCommand("artillery") === undefined ? undefined : ["artillery"];
}

async function runContestant(contestant: Contestant, signal: AbortSignal): Promise<Turn> {
  const folder = join(contestant.result, "..");
  await writeFile(
    join(folder, "generator.js"),
    'import http from "k6/http";\nexport default function () {\n  http.get(__ENV.URL);\n}\n',
  );
  const url = contestant.words.find((word) => word.startsWith("http://")) ?? "";
  await writeFile(
    join(folder, "artillery.json"),
    JSON.stringify(artilleryLoop(url === "" ? lastUrl : url, contestant.seconds)),
  );
  if (url !== "") lastUrl = url;
  await rm(contestant.result, { force: true });
  const { printed, cpuSeconds, seconds } = await measure(contestant.words, signal);
  const json = await readFile(contestant.result, "utf8").catch(() => "");
  const count = contestant.count(printed, json);
  // Programs take time to start, which is no part of the load they make, but of their cost.
  const net = contestant.name.startsWith("hotpath")
    ? (JSON.parse(json) as { seconds: number }).seconds
    : Math.min(seconds, contestant.seconds);
  return { rate: count / net, cpuMicroseconds: (cpuSeconds * 1e6) / count };
}

let lastUrl = "";

/** As many users as it takes, each asking again and again: Artillery knows no other closed loop. */
function artilleryLoop(url: string, seconds: number): unknown {
  const { origin } = new URL(url === "" ? "http://127.0.0.1" : url);
  return {
    config: { target: origin, phases: [{ duration: 1, arrivalCount: 64 }], http: { pool: 64 } },
    scenarios: [{ flow: [{ loop: [{ get: { url: "/" } }], count: 400 * seconds }] }],
  };
}

function countOf(json: string): number {
  const { metrics } = JSON.parse(json) as { metrics: Record<string, { values: Record<string, number> }> };
  return (metrics["http_reqs"]?.values["count"] ?? 0) - (metrics["http_req_failed"]?.values["passes"] ?? 0);
}

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

/** Runs a program and everything it starts to the end, and tells the processor time it took. */
async function measure(
  words: readonly string[],
  signal: AbortSignal,
): Promise<{ printed: string; cpuSeconds: number; seconds: number }> {
  const startedAt = performance.now();
  const child = spawn("bash", ["-c", '"$@"; status=$?; times >&2; exit $status', "--", ...words], {
    stdio: ["ignore", "pipe", "pipe"],
    signal,
  });
  let printed = "";
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => (printed += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4000)));
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (status !== 0) throw new Error(`${words.slice(0, 3).join(" ")} ended with ${status}: ${said}`);
  const last = said.trimEnd().split("\n").at(-1) ?? "";
  const cpuSeconds = [...last.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds),
    0,
  );
  return { printed, cpuSeconds, seconds: (performance.now() - startedAt) / 1000 };
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
        MAIN,
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
  if (existsSync(`${BIN}autocannon`)) {
    found.push({
      name: "autocannon",
      words: (url) => [
        process.execPath,
        `${BIN}autocannon`,
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

async function nginxProgram({ folder }: BenchContext) {
  if (findCommand("nginx") === undefined)
    throw new Error("nginx is what is asked: install it (apt-get install nginx-light)");
  return {
    key: "nginx, a constant",
    command: "bash",
    words: (port: number) => [
      "-c",
      `printf %s "$1" > "$2"; exec nginx -c "$2" -p "$3"`,
      "--",
      `daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log stderr crit; events { worker_connections 4096; } http { access_log off; keepalive_requests 1000000000; server { listen 127.0.0.1:${port}; location / { default_type application/json; return 200 '{"id":1,"name":"somebody","mail":"somebody@example.com"}'; } } }`,
      join(folder, "generator-nginx.conf"),
      folder,
    ],
    environment: {},
  };
}

function stallingProgram() {
  return {
    key: "a server that stands still",
    words: () => [fileURLToPath(new URL("../contestants/stalling.mjs", import.meta.url))],
    environment: {},
  };
}

function times(ratio: number): string {
  return Number.isFinite(ratio) ? ratio.toFixed(2) : "–";
}
