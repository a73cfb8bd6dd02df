import { hotpath } from "../contestants.ts";
import type { BenchContext, Scenario } from "../context.ts";
import { USERS } from "../database.ts";
import { childrenOf, processSeconds } from "../machine.ts";
import { type ServerProcess, startServerProcess } from "../server-process.ts";
import { shuffledIds } from "../shuffle.ts";
import { median } from "../statistics.ts";

/** A number of workers on one kind of load. */
interface Contender {
  readonly name: string;
  readonly workers: number;
  readonly flags: readonly string[];
}

interface Turn {
  readonly requests: number;
  readonly failures: number;
  /** Processor seconds of the process that had most to do, supervisor included. */
  readonly busiest: number;
  readonly all: number;
}

const LOADS = [
  { name: "from the database", flags: ["--no-query-cache"] },
  { name: "from the cache", flags: [] },
];
const CONTENDERS: readonly Contender[] = LOADS.flatMap(({ name, flags }) =>
  [1, 2].map((workers) => ({ name, workers, flags: [...flags, "--workers", String(workers)] })),
);

/**
 * What a second worker brings. Load generator, database and workers share two cores here, so it is not told by requests a second but by requests a
 * processor second of the busiest process: what the server could do if each of its processes had a core. It shows both an uneven load
 * and what sharing costs.
 */
export const workers: Scenario = {
  name: "workers",
  summary: "Users by key by one worker and by two: requests a processor second of the busiest process.",
  async run(context) {
    const turns = new Map<Contender, Turn[]>(CONTENDERS.map((each) => [each, []]));
    const servers = new Map<Contender, ServerProcess>();
    const { cores, signal, rounds, say, database } = context;
    const paths = shuffledIds(USERS).map((id) => `/users/${id}`);
    try {
      for (const contender of CONTENDERS) {
        const program = hotpath(database.shopUrl, contender.flags);
        servers.set(contender, await startServerProcess(program, paths[0]!, cores, signal));
      }
      for (let round = 0; round <= rounds; round++) {
        for (const [contender, server] of servers) {
          const turn = await takeTurn(server, paths, context);
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

async function takeTurn(server: ServerProcess, paths: readonly string[], context: BenchContext): Promise<Turn> {
  const { generate, connections, seconds, folder, signal } = context;
  const pids = [server.pid, ...childrenOf(server.pid)];
  const before = pids.map(processSeconds);
  const { requests, failures } = await generate({
    port: server.port,
    paths,
    connections,
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
