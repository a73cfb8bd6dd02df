import { handWritten, hotpath, type Contestant } from "../contestants.ts";
import type { Scenario } from "../context.ts";
import { startServerProcess } from "../server-process.ts";
import { median } from "../statistics.ts";

/** Time from the start of a server's process to its first good reply. */
export const startup: Scenario = {
  name: "startup",
  summary: "From the start of the process to the first reply of status 200, on Chinook.",
  async run({ database, rounds, cores, signal, say }) {
    const { chinookUrl } = database;
    if (chinookUrl === undefined) return SKIPPED;
    const contestants = contestantsOf(chinookUrl);
    const times = new Map<Contestant, number[]>(contestants.map((each) => [each, []]));
    for (let round = 0; round < rounds * STARTS_PER_ROUND; round++) {
      for (const contestant of contestants) {
        const server = await startServerProcess(contestant.program, contestant.path(1), cores, signal);
        await server.stop();
        times.get(contestant)?.push(server.startupMs);
      }
    }
    say(`started each server ${rounds * STARTS_PER_ROUND} times`);
    const rows = [...times].map(([{ name }, each]) => [
      name,
      ...[median(each), Math.min(...each), Math.max(...each)].map(milliseconds),
    ]);
    return {
      table: { columns: ["contestant", "median", "least", "most"], rows },
      details: [...times].map(([{ name }, milliseconds]) => ({ name, milliseconds })),
      failures: 0,
      notes: [],
    };
  },
};

/** A start takes a fraction of a second and varies much. */
const STARTS_PER_ROUND = 5;

const SKIPPED = {
  table: { columns: ["contestant"], rows: [] },
  details: null,
  failures: 0,
  notes: ["Skipped: Chinook's script is not at hand (--chinook FILE)."],
};

function contestantsOf(url: string): readonly Contestant[] {
  return [
    { name: "hotpath serve", role: "hotpath", program: hotpath(url), path: (id) => `/album/${id}` },
    { name: "Fastify + pg", role: "rival", program: handWritten("fastify-pg", url, 10), path },
    { name: "Fastify + postgres", role: "rival", program: handWritten("fastify-postgres", url, 10), path },
  ];
}

function path(id: number): string {
  return `/text/album/${id}`;
}

function milliseconds(value: number): string {
  return `${Math.round(value)} ms`;
}
