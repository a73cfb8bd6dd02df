import { fileURLToPath } from "node:url";
import type { BenchContext, Scenario } from "../context.ts";
import { childrenOf, processSeconds } from "../machine.ts";
import { HOTPATH } from "../setup.ts";
import { type ServerProcess, type ServerProgram, startServerProcess } from "../server-process.ts";
import { shuffledIds } from "../shuffle.ts";
import { median } from "../statistics.ts";

/** A number of workers on one kind of load. */
interface Contender {
  readonly name: string;
  readonly workers: number;
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
  [1, 2].map((workers) => ({
    name,
    workers,
    paths: shuffledIds(ROUTE_IDS).map((id) => `/${target}/${id}`),
  })),
);

function programOf({ name, workers: count }: Contender): ServerProgram {
  const config = fileURLToPath(new URL("../contestants/hotpath-routes.config.mjs", import.meta.url));
  const flags = ["--workers", String(count), "--config", config, "--admin-port", "0"];
  return {
    key: `${name} ${count}`,
    words: (port) => [HOTPATH, "serve", "--port", String(port), ...flags],
    environment: {},
  };
}

/**
 * What a second worker brings. Load generator, database and workers share two cores here, so it is not told by requests a second but by requests a
 * processor second of the busiest process: what the server could do if each of its processes had a core. It shows both an uneven load
 * and what sharing costs. Both workers are pinned to one core, where they cost each other time; a server that is not busy costs more a request, and would tell less. Each worker has as many connections as the one: with fewer, a turn of its event loop does less at once and costs more.
 */
export const workers: Scenario = {
  name: "workers",
  summary: "A route and a cached one by one worker and by two: requests a processor second of the busiest process.",
  needsDatabase: false,
  async run(context) {
    const turns = new Map<Contender, Turn[]>(CONTENDERS.map((each) => [each, []]));
    const servers = new Map<Contender, ServerProcess>();
    const { cores, signal, rounds, say } = context;
    try {
      for (const contender of CONTENDERS) {
        const program = programOf(contender);
        servers.set(contender, await startServerProcess(program, contender.paths[0]!, cores, signal));
      }
      for (let round = 0; round <= rounds; round++) {
        for (const [contender, server] of servers) {
          const turn = await takeTurn(server, contender, context);
          // The first one warms up.
          if (round > 0) turns.get(contender)?.push(turn);
        }
        say(`round ${round} of ${rounds}`);
      }
    } finally {
      for (const server of servers.values()) await server.stop();
    }
    const rate = (contender: Contender, of: keyof Pick<Turn, "busiest" | "all">): number =>
      median((turns.get(contender) ?? []).map((turn) => turn.requests / Math.max(0.01, turn[of])));
    const rows = CONTENDERS.map((contender) => {
      const { name, workers: count } = contender;
      const single = CONTENDERS.find((each) => each.name === name && each.workers === 1)!;
      const busiest = rate(contender, "busiest");
      const times = (busiest / rate(single, "busiest")).toFixed(2);
      return [name, String(count), thousands(busiest), `${times} ×`, thousands(rate(contender, "all"))];
    });
    const failures = [...turns.values()].flat().reduce((sum, turn) => sum + turn.failures, 0);
    return {
      table: {
        columns: ["read", "workers", "requests a CPU second of the busiest", "against one", "of all processes"],
        rows,
      },
      details: [...turns].map(([{ name, workers: count }, each]) => ({ name, workers: count, turns: each })),
      failures,
      notes: [],
    };
  },
};

async function takeTurn(server: ServerProcess, contender: Contender, context: BenchContext): Promise<Turn> {
  const { generate, connections, seconds, folder, signal } = context;
  const pids = [server.pid, ...childrenOf(server.pid)];
  const before = pids.map(processSeconds);
  const { requests, failures } = await generate({
    port: server.port,
    paths: contender.paths,
    connections: connections * contender.workers,
    isDistinct: false,
    seconds,
    folder,
    signal,
  });
  const used = pids.map((pid, index) => processSeconds(pid) - (before[index] ?? 0));
  return { requests, failures, busiest: Math.max(...used), all: used.reduce((sum, each) => sum + each, 0) };
}

function thousands(value: number): string {
  return Math.round(value).toLocaleString("en");
}
