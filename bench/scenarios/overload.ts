import { Client } from "pg";
import { contestantFile, hotpath } from "../contestants.ts";
import type { BenchContext, Scenario } from "../context.ts";
import { USERS } from "../database.ts";
import { loadOpenly, type OpenReply } from "../load/open-loop.ts";
import { treeSeconds } from "../machine.ts";
import { type ServerProgram, startServerProcess } from "../server-process.ts";
import { shuffledIds } from "../shuffle.ts";
import { median } from "../statistics.ts";

/** What becomes of servers that are asked more than the database can answer. */
export const overload: Scenario = {
  name: "overload",
  summary:
    "A report that takes PostgreSQL some 10 ms, asked for 1, 2, 3 and 5 times as often as it can be made; open loop.",
  async run(context) {
    const { database, rounds, say } = context;
    await withClient(database.shopUrl, (client) => client.query(REPORT));
    try {
      const capacity = await measureCapacity(context);
      say(`${Math.round(capacity)} reports/s is what the database can make`);
      const contestants = contestantsOf(database.shopUrl);
      const steps = new Map<string, Step[]>();
      for (let round = 0; round < rounds; round++) {
        for (const contestant of contestants) {
          for (const times of [UNLOADED, ...TIMES]) {
            const step = await measure(contestant, times, capacity, context);
            const key = `${contestant.name} ${times}`;
            steps.set(key, [...(steps.get(key) ?? []), step]);
            say(`${contestant.name}, ${times} times: ${describeStep(step)}`);
          }
        }
      }
      return toResult(contestants, steps, capacity);
    } finally {
      await withClient(database.shopUrl, (client) => client.query("drop function if exists bench_report(int)"));
    }
  },
};

/** A scan of all orders: processor time of the database, and hardly anything else. */
const REPORT = `
create or replace function bench_report(except_user int) returns json language sql stable as $$
  select json_build_object('except', except_user, 'orders', count(*), 'total', sum(total)) from orders where user_id <> except_user
$$;
notify pgrst, 'reload schema'`;

/** Of the capacity: what hardly anybody has to wait at. */
const UNLOADED = 0.2;
const TIMES = [1, 2, 3, 5] as const;
/** Replies that come later are of no use to anybody. */
const USEFUL_MS = 3000;
const RAMP_SECONDS = 3;
const CAPACITY_CLIENTS = 8;
const BARE = "Fastify + pg";

interface Entrant {
  readonly name: string;
  readonly program: ServerProgram;
  readonly path: (id: number) => string;
}

/** One contestant under one load. */
interface Step {
  /** Useful replies a second. */
  readonly goodput: number;
  readonly refused: number;
  /** Came too late, or not at all, or as something else. */
  readonly useless: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly latenessMs: number;
  /** Processor time of the server, in cores. */
  readonly cpu: number;
}

function contestantsOf(url: string): readonly Entrant[] {
  const ours = (name: string, ...flags: string[]): Entrant => ({
    name,
    program: hotpath(url, ["--no-query-cache", ...flags]),
    path: (id) => `/rpc/bench_report?except_user=${id}`,
  });
  const theirs = (name: string, pressure: string): Entrant => ({
    name,
    program: {
      key: `fastify under pressure ${pressure}`,
      words: () => [contestantFile("fastify-under-pressure")],
      environment: { DATABASE_URL: url, POOL_MAX: "10", UNDER_PRESSURE: pressure },
    },
    path: (id) => `/report/${id}`,
  });
  return [
    ours("hotpath"),
    ours("hotpath --no-overload", "--no-overload"),
    theirs(BARE, "none"),
    theirs("Fastify + under-pressure", "loop"),
    theirs("Fastify + under-pressure, pool watched", "pool"),
  ];
}

/** Reports a second where a few clients ask again as soon as they have an answer: of Fastify, the less there is around the database. */
async function measureCapacity(context: BenchContext): Promise<number> {
  const rival = contestantsOf(context.database.shopUrl).find(({ name }) => name === BARE)!;
  const server = await startServerProcess(rival.program, rival.path(1), context.cores, context.signal);
  try {
    const paths = shuffledIds(USERS).map(rival.path);
    const { folder, signal, seconds, generate } = context;
    const base = { port: server.port, paths, connections: CAPACITY_CLIENTS, isDistinct: false, folder, signal };
    await generate({ ...base, seconds: 2 });
    const { requests, seconds: taken } = await generate({ ...base, seconds });
    return requests / taken;
  } finally {
    await server.stop();
  }
}

async function measure(
  { program, path }: Entrant,
  times: number,
  capacity: number,
  { cores, signal, seconds }: BenchContext,
): Promise<Step> {
  const server = await startServerProcess(program, path(1), cores, signal);
  try {
    const load = { port: server.port, paths: shuffledIds(USERS).map(path), signal };
    // As a server is that has been up for a while.
    await loadOpenly({ ...load, perSecond: capacity * UNLOADED, rampSeconds: 0, seconds: 2 });
    const before = treeSeconds(server.pid);
    const startedMs = performance.now();
    const result = await loadOpenly({ ...load, perSecond: capacity * times, rampSeconds: RAMP_SECONDS, seconds });
    const cpu = ((treeSeconds(server.pid) - before) * 1000) / (performance.now() - startedMs);
    const served = result.replies.filter(({ status }) => status === 200);
    const useful = served.filter(({ latencyMs }) => latencyMs <= USEFUL_MS);
    const refused = result.replies.filter(({ status }) => status === 503).length;
    return {
      goodput: useful.length / result.seconds,
      refused: refused / result.seconds,
      useless: (result.replies.length - useful.length - refused) / result.seconds,
      p50Ms: quantile(served, 0.5),
      p99Ms: quantile(served, 0.99),
      latenessMs: sortedAt(result.lateness, 0.99),
      cpu,
    };
  } finally {
    await server.stop();
  }
}

function quantile(replies: readonly OpenReply[], share: number): number {
  return sortedAt(
    replies.map(({ latencyMs }) => latencyMs),
    share,
  );
}

function sortedAt(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

function describeStep({ goodput, refused, p99Ms, latenessMs }: Step): string {
  return `${goodput.toFixed(0)} useful and ${refused.toFixed(0)} refused a second, p99 ${p99Ms.toFixed(1)} ms, sent ${latenessMs.toFixed(1)} ms late`;
}

function toResult(contestants: readonly Entrant[], steps: ReadonlyMap<string, readonly Step[]>, capacity: number) {
  const of = (name: string, times: number, pick: (step: Step) => number): number =>
    median((steps.get(`${name} ${times}`) ?? []).map(pick));
  const rows = contestants.flatMap(({ name }) => {
    const peak = Math.max(...TIMES.map((times) => of(name, times, ({ goodput }) => goodput)));
    const unloadedP99 = of(name, UNLOADED, ({ p99Ms }) => p99Ms);
    return [UNLOADED, ...TIMES].map((times) => {
      const at = (pick: (step: Step) => number): number => of(name, times, pick);
      const p99Ms = at((step) => step.p99Ms);
      return [
        name,
        `${times}`,
        at(({ goodput }) => goodput).toFixed(0),
        (at(({ goodput }) => goodput) / peak).toFixed(2),
        at(({ refused }) => refused).toFixed(0),
        at(({ useless }) => useless).toFixed(0),
        at(({ p50Ms }) => p50Ms).toFixed(1),
        p99Ms.toFixed(1),
        (p99Ms / unloadedP99).toFixed(2),
        `${Math.round(at(({ cpu }) => cpu) * 100)}%`,
        at(({ latenessMs }) => latenessMs).toFixed(1),
      ];
    });
  });
  const columns = [
    "contestant",
    "× capacity",
    "useful/s",
    "of peak",
    "refused/s",
    "too late/s",
    "p50 ms",
    "p99 ms",
    "× unloaded p99",
    "server CPU",
    "sent late, p99 ms",
  ];
  return {
    table: { columns, rows },
    details: [...steps].map(([name, measured]) => ({ name, measured })),
    failures: 0,
    notes: [
      `Capacity: ${capacity.toFixed(0)} reports/s, closed loop with ${CAPACITY_CLIENTS} clients. Arrivals are a Poisson process, the same for all; latency counts from when a request was due, of replies of status 200. Useful: within ${USEFUL_MS} ms. The first ${RAMP_SECONDS} s of each load are not looked at; each has a fresh server.`,
      "under-pressure refuses from 100 ms of event-loop delay or 98% utilization on; where the pool is watched, also while more than 10 requests wait for its 10 connections.",
    ],
  };
}

async function withClient<Result>(url: string, use: (client: Client) => Promise<Result>): Promise<Result> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 20_000 });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
