// What `npm run check:simulator` runs: holds the latency that `hotpath deploy simulate` tells against workers that are really loaded.
//
//   npm run check:simulator -- --seconds 30 --service 20 --burn
//
// Requests come at random moments (Poisson). Each has a worker to itself for a time: `even` for one that is always the same, `mixed` for one that
// is exponential. Without --burn that time is waited for, one request after the other, so that a machine that does much else tells the same.
import { Agent } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { DEFAULT_SCALE_DOWN, DEFAULT_SCALE_UP } from "../../src/deploy/hpa.ts";
import { simulate } from "../../src/deploy/simulation.ts";
import { type CheckScope, runCheck } from "../support/check-scope.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { sendRequest } from "../support/server.ts";
import { startWorkers } from "../workers/harness.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "30" },
    service: { type: "string", default: "20" },
    burn: { type: "boolean", default: false },
  },
});
const SECONDS = Number(values.seconds);
const SERVICE_MS = Number(values.service);
const UTILIZATIONS = [0.3, 0.5, 0.7, 0.8];
/** Requests one after the other. */
const ALONE = 150;
/** So many that two requests seldom meet on one. */
const CONNECTIONS = 100;
/** Model over measured, beyond which the model is wrong: random arrivals alone make averages differ by some 15% in half a minute. */
const BOUNDS: Readonly<Record<string, readonly [number, number]>> = { mixed: [0.6, 1.6], even: [0.8, 2.6] };

const CONFIG = `{
  overload: { enabled: false },
  routes: [who, ...["mixed", "even"].map((kind) => get("/" + kind, { handle: async () => {
    const ms = kind === "even" ? ${SERVICE_MS} : -Math.log(1 - Math.random()) * ${SERVICE_MS};
    ${
      values.burn
        ? "for (const until = performance.now() + ms; performance.now() < until;);"
        : "await (globalThis.turn = (globalThis.turn ?? Promise.resolve()).then(() => new Promise((resolve) => setTimeout(resolve, ms))));"
    }
    return {};
  } }))],
}`;

interface Line {
  readonly workers: number;
  readonly kind: string;
  readonly utilization: number;
  readonly measuredMs: number;
  readonly modelMs: number;
}

await runCheck(async (scope) => {
  const runs: Promise<Line[]>[] = [];
  for (const workers of [1, 2]) {
    runs.push(load(scope, workers));
    // Where times are waited for, one run costs the other nothing.
    if (values.burn) await runs.at(-1);
  }
  const lines = (await Promise.all(runs)).flat();
  const wrong = lines.filter(({ kind, measuredMs, modelMs }) => {
    const [least = 0, most = Infinity] = BOUNDS[kind] ?? [];
    return modelMs / measuredMs < least || modelMs / measuredMs > most;
  });
  for (const line of wrong) scope.say(`out of bounds: ${format(line)}`);
  if (wrong.length > 0) process.exitCode = 1;
});

async function load(scope: CheckScope, workers: number): Promise<Line[]> {
  const { url } = await startWorkers(scope, CONFIG, [], workers);
  const agents = Array.from({ length: CONNECTIONS }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
  const random = seededRandom(workers);
  const ask = async (kind: string): Promise<number> => {
    const startedAt = performance.now();
    await sendRequest(url, "GET", `/${kind}`, {}, undefined, agents[Math.floor(random() * agents.length)]);
    return performance.now() - startedAt;
  };
  for (const agent of agents) await sendRequest(url, "GET", "/who", {}, undefined, agent);
  const lines: Line[] = [];
  for (const kind of ["mixed", "even"]) {
    const serviceMs = await alone(() => ask(kind));
    const capacity = (await most(() => ask(kind), workers)) / workers;
    scope.say(`${workers} worker(s), ${kind}: ${serviceMs.toFixed(1)} ms alone, ${capacity.toFixed(1)}/s each at most`);
    for (const utilization of UTILIZATIONS) {
      const rate = utilization * capacity * workers;
      // The busier, the longer it takes until an average says something.
      const measuredMs = await meanUnder(rate, SECONDS / (2 * (1 - utilization)), () => ask(kind), random);
      const line = { workers, kind, utilization, measuredMs, modelMs: model(rate, capacity, serviceMs, workers) };
      lines.push(line);
      scope.say(format(line));
    }
  }
  for (const agent of agents) agent.destroy();
  return lines;
}

/** What a request takes on a worker that has nothing else to do, on average. */
async function alone(ask: () => Promise<number>): Promise<number> {
  let sum = 0;
  for (let count = 0; count < ALONE; count++) sum += await ask();
  return sum / ALONE;
}

/** Requests a second with always some waiting at each worker. */
async function most(ask: () => Promise<number>, workers: number): Promise<number> {
  const startedAt = performance.now();
  let left = ALONE * 2 * workers;
  const client = async (): Promise<void> => {
    while (left-- > 0) await ask();
  };
  await Promise.all(Array.from({ length: 12 * workers }, client));
  return (ALONE * 2 * workers * 1000) / (performance.now() - startedAt);
}

async function meanUnder(
  rate: number,
  seconds: number,
  ask: () => Promise<number>,
  random: () => number,
): Promise<number> {
  const running: Promise<number>[] = [];
  const until = performance.now() + seconds * 1000;
  // By the clock, not by pauses one after the other, which would all be late.
  for (let at = performance.now(); at < until; at += (-Math.log(1 - random()) / rate) * 1000) {
    const pauseMs = at - performance.now();
    if (pauseMs > 0) await delay(pauseMs);
    running.push(ask());
  }
  const times = await Promise.all(running);
  return times.reduce((sum, each) => sum + each, 0) / times.length;
}

/** What `hotpath deploy simulate` says of so many pods under a steady load. */
function model(rate: number, capacity: number, serviceMs: number, workers: number): number {
  const moments = simulate({
    load: Array.from({ length: 60 }, () => rate),
    autoscaling: {
      minReplicas: workers,
      maxReplicas: workers,
      scaleUp: DEFAULT_SCALE_UP,
      scaleDown: DEFAULT_SCALE_DOWN,
    },
    capacity,
    serviceMs,
    startSeconds: 20,
    cpuTarget: 70,
    rateTarget: null,
    lagSeconds: 30,
    windowSeconds: 60,
    patienceMs: 1000,
  });
  return moments.at(-1)?.latencyMs ?? 0;
}

function format({ workers, kind, utilization, measuredMs, modelMs }: Line): string {
  const of = `${workers} worker${workers === 1 ? "" : "s"}, ${kind}, ${(utilization * 100).toFixed(0)}% busy`;
  return `${of}: ${measuredMs.toFixed(1)} ms measured, ${modelMs.toFixed(1)} ms by the model (${(modelMs / measuredMs).toFixed(2)} of it)`;
}
