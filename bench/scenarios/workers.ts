import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BenchContext, Scenario } from "../context.ts";
import { childrenOf, type Cores, pinProcess, processSeconds } from "../machine.ts";
import { HOTPATH } from "../setup.ts";
import { type ServerProcess, type ServerProgram, startServerProcess } from "../server-process.ts";
import { shuffledIds } from "../shuffle.ts";
import { median } from "../statistics.ts";

/** A number of processes on one kind of load. */
interface Contender {
  readonly name: string;
  readonly workers: number;
  /** They know nothing of each other: each is a server by itself. */
  readonly isApart: boolean;
  readonly paths: readonly string[];
}

interface Turn {
  readonly requests: number;
  readonly failures: number;
  /** Processor seconds of the process that had most to do, supervisor included. */
  readonly busiest: number;
  readonly all: number;
}

const LOADS = [
  { name: "a route", target: "users" },
  { name: "a cached route", target: "cached" },
];
const ROUTE_IDS = 100;
const CONTENDERS: readonly Contender[] = LOADS.flatMap(({ name, target }) =>
  [
    { workers: 1, isApart: false },
    { workers: 2, isApart: false },
    { workers: 2, isApart: true },
  ].map((kind) => ({ name, ...kind, paths: shuffledIds(ROUTE_IDS).map((id) => `/${target}/${id}`) })),
);

function programOf({ name }: Contender, count: number, at: number): ServerProgram {
  const config = fileURLToPath(new URL("../contestants/hotpath-routes.config.mjs", import.meta.url));
  const flags = [...(count === 0 ? [] : ["--workers", String(count)]), "--config", config, "--admin-port", "0"];
  return {
    key: `${name} ${count} ${at}`,
    words: (port) => [HOTPATH, "serve", "--port", String(port), ...flags],
    environment: {},
  };
}

/**
 * What a second worker brings. There are two cores, and load generators need as much of them as workers. So the unit is a core that a worker and a
 * load generator share: one worker is measured on one such core, two on two. It is told by the processor time that all processes of the
 * server, supervisor included, spend on a request: twice what one brings, divided by how much more a request costs; requests a second
 * of a machine that does something else besides tell less. Two servers that know nothing of each other, one a core, show what is not the
 * workers' doing. Costs are compared within a round, whose turns follow each other.
 */
export const workers: Scenario = {
  name: "workers",
  summary: "A route and a cached one by one worker, by two, and by two servers apart: processor time a request.",
  needsDatabase: false,
  async run(context) {
    const turns = new Map<Contender, Turn[]>(CONTENDERS.map((each) => [each, []]));
    const servers = new Map<Contender, readonly ServerProcess[]>();
    const { cores, signal, rounds, say } = context;
    try {
      for (const contender of CONTENDERS) {
        const { workers: count, isApart, paths } = contender;
        const programs = isApart
          ? Array.from({ length: count }, (_, at) => programOf(contender, 0, at))
          : [programOf(contender, count, 0)];
        const started: ServerProcess[] = [];
        servers.set(contender, started);
        for (const program of programs) started.push(await startServerProcess(program, paths[0]!, undefined, signal));
        if (cores !== undefined) pin(started, cores);
      }
      for (let round = 0; round <= rounds; round++) {
        const order = [...servers];
        // What comes first is not always the same.
        if (round % 2 === 1) order.reverse();
        for (const [contender, started] of order) {
          const turn = await takeTurn(started, contender, context);
          // The first one warms up.
          if (round > 0) turns.get(contender)?.push(turn);
        }
        say(`round ${round} of ${rounds}`);
      }
    } finally {
      for (const server of [...servers.values()].flat()) await server.stop();
    }
    const rows = CONTENDERS.map((contender) => {
      const { name, workers: count, isApart } = contender;
      const own = turns.get(contender) ?? [];
      const single = turns.get(CONTENDERS.find((each) => each.name === name && each.workers === 1)!) ?? [];
      const more = median(own.map((turn, at) => costOf(turn) / costOf(single[at]!)));
      const busiest = median(own.map(({ busiest: most, all }) => most / Math.max(0.01, all)));
      return [
        name,
        isApart ? "2 servers apart" : `${count} worker${count === 1 ? "" : "s"}`,
        `${(median(own.map(costOf)) * 1e6).toFixed(1)} µs`,
        more.toFixed(2),
        `${(count / more).toFixed(2)} ×`,
        `${Math.round(busiest * 100)}%`,
      ];
    });
    const failures = [...turns.values()].flat().reduce((sum, turn) => sum + turn.failures, 0);
    return {
      table: {
        columns: ["read", "processes", "CPU a request", "of one worker's", "brings, a core each", "busiest has"],
        rows,
      },
      details: [...turns].map(([{ name, workers: count, isApart }, each]) => ({
        name,
        workers: count,
        isApart,
        turns: each,
      })),
      failures,
      notes: [],
    };
  },
};

function sum(list: readonly number[]): number {
  return list.reduce((total, one) => total + one, 0);
}

function costOf({ all, requests }: Turn): number {
  return all / Math.max(1, requests);
}

/** The first process that answers on one core, the second on the other. The supervisor has little to do. */
function pin(servers: readonly ServerProcess[], { server, others }: Cores): void {
  const answering = servers.length > 1 ? servers.map(({ pid }) => pid) : childrenOf(servers[0]!.pid);
  for (const { pid } of servers) pinProcess(pid, server);
  for (const [at, pid] of answering.entries()) pinProcess(pid, at === 0 ? server : others);
}

async function takeTurn(
  servers: readonly ServerProcess[],
  { workers: count, paths }: Contender,
  context: BenchContext,
): Promise<Turn> {
  const { generate, connections, cores, seconds, folder, signal } = context;
  const pids = servers.flatMap(({ pid }) => [pid, ...childrenOf(pid)]);
  const before = pids.map(processSeconds);
  const loads = await Promise.all(
    Array.from({ length: count }, async (_, at) => {
      // They leave files there.
      const own = join(folder, String(at));
      await mkdir(own, { recursive: true });
      const { port } = servers[at % servers.length]!;
      const core = cores && [cores.server, cores.others][at];
      return generate({ port, paths, connections, isDistinct: false, seconds, core, folder: own, signal });
    }),
  );
  const used = pids.map((pid, index) => processSeconds(pid) - (before[index] ?? 0));
  return {
    requests: sum(loads.map(({ requests }) => requests)),
    failures: sum(loads.map(({ failures }) => failures)),
    busiest: Math.max(...used),
    all: sum(used),
  };
}
