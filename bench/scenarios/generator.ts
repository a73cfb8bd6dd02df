import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findCommand } from "../../test/support/commands.ts";
import type { BenchContext, Scenario } from "../context.ts";
import { type ArtilleryReport, artilleryCommand, LOAD_MAIN, measure, OURS, RIVALS_BIN } from "../load/generators.ts";
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
        LOAD_MAIN,
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
        LOAD_MAIN,
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
  if (existsSync(`${RIVALS_BIN}autocannon`)) {
    found.push({
      name: "autocannon",
      words: [process.execPath, `${RIVALS_BIN}autocannon`, "-c", c, "-d", String(seconds), "--json", url],
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
    : contestant.name === "Artillery"
      ? secondsOf(json)
      : Math.min(seconds, contestant.seconds);
  return { rate: count / net, cpuMicroseconds: (cpuSeconds * 1e6) / count };
}

let lastUrl = "";

function secondsOf(json: string): number {
  const { firstMetricAt, lastMetricAt } = (JSON.parse(json) as ArtilleryReport).aggregate;
  return (lastMetricAt - firstMetricAt) / 1000;
}

/** It ends by what it has sent, not by time: some hundred a second. */
const REQUESTS_OF_A_USER = 10;

/** As many users as it takes, each asking again and again: Artillery knows no other closed loop. */
function artilleryLoop(url: string, seconds: number): unknown {
  const { origin } = new URL(url === "" ? "http://127.0.0.1" : url);
  return {
    config: { target: origin, phases: [{ duration: 1, arrivalCount: 64 }], http: { pool: 64 } },
    scenarios: [{ flow: [{ loop: [{ get: { url: "/" } }], count: REQUESTS_OF_A_USER * seconds }] }],
  };
}

function countOf(json: string): number {
  const { metrics } = JSON.parse(json) as { metrics: Record<string, { values: Record<string, number> }> };
  return (metrics["http_reqs"]?.values["count"] ?? 0) - (metrics["http_req_failed"]?.values["passes"] ?? 0);
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

function times(ratio: number): string {
  return Number.isFinite(ratio) ? ratio.toFixed(2) : "–";
}
