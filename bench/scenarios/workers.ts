import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BenchContext, Scenario } from "../context.ts";
import { childrenOf, processSeconds } from "../machine.ts";
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
 * What a second worker brings. Load generator, database and workers share two cores here, so it is not told by requests a second but by the processor
 * time of all processes of the server, supervisor included, for a request: twice what one brings, divided by how much more a request costs. The
 * busiest process shows whether the load is even. All processes of a server are pinned to one core, where they cost each other time that is
 * not the workers' doing: two servers that know nothing of each other, each with its own load, show how much. Costs are compared within a round,
 * whose turns follow each other, for a busy machine makes everything dearer now and then. Each worker has as many
 * connections as the one: with fewer, a turn of its event loop does less at once and costs more.
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
        for (const program of programs) started.push(await startServerProcess(program, paths[0]!, cores, signal));
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

async function takeTurn(
  servers: readonly ServerProcess[],
  { workers: count, paths }: Contender,
  context: BenchContext,
): Promise<Turn> {
  const { generate, connections, seconds, folder, signal } = context;
  const pids = servers.flatMap(({ pid }) => [pid, ...childrenOf(pid)]);
  const before = pids.map(processSeconds);
  // As many load generators as there are workers: from one, each of two would find half as much to do whenever it looks.
  const loads = await Promise.all(
    Array.from({ length: count }, async (_, at) => {
      // They leave files there.
      const own = join(folder, String(at));
      await mkdir(own, { recursive: true });
      const { port } = servers[at % servers.length]!;
      return generate({ port, paths, connections, isDistinct: false, seconds, folder: own, signal });
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
