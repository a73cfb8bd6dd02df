import { handWritten, hotpath, type Contestant } from "../contestants.ts";
import type { BenchContext, Scenario } from "../context.ts";
import { USERS } from "../database.ts";
import { memoryOf } from "../machine.ts";
import { startServerProcess } from "../server-process.ts";
import { shuffledIds } from "../shuffle.ts";

interface MemoryUse {
  readonly name: string;
  readonly requests: number;
  readonly failures: number;
  readonly before: number;
  readonly after: number;
  readonly peak: number;
}

/** A turn of load between two looks at the count. */
const CHUNK_SECONDS = 5;

/** Resident memory of each server before and after many reads by key. */
export const memory: Scenario = {
  name: "memory",
  summary: "Resident memory after the first reply and after a million reads by key.",
  async run(context) {
    const uses: MemoryUse[] = [];
    for (const contestant of contestantsOf(context.database.shopUrl)) uses.push(await useOf(contestant, context));
    const rows = uses.map(({ name, requests, failures, before, after, peak }) => [
      name,
      requests.toLocaleString("en"),
      megabytes(before),
      megabytes(after),
      megabytes(peak),
      failures.toLocaleString("en"),
    ]);
    return {
      table: { columns: ["contestant", "requests", "RSS before", "RSS after", "RSS peak", "failures"], rows },
      details: uses,
      failures: uses.reduce((sum, { failures }) => sum + failures, 0),
      notes: [],
    };
  },
};

function contestantsOf(shopUrl: string): readonly Contestant[] {
  return [
    { name: "hotpath", role: "hotpath", program: hotpath(shopUrl), path: (id) => `/users/${id}` },
    { name: "Fastify + pg", role: "rival", program: handWritten("fastify-pg", shopUrl, 10), path },
    { name: "Fastify + postgres", role: "rival", program: handWritten("fastify-postgres", shopUrl, 1), path },
  ];
}

function path(id: number): string {
  return `/rows/users/${id}`;
}

async function useOf({ name, program, path: pathOf }: Contestant, context: BenchContext): Promise<MemoryUse> {
  const { cores, signal, connections, folder, generate, say } = context;
  const ids = shuffledIds(USERS);
  const server = await startServerProcess(program, pathOf(ids[0]!), cores, signal);
  try {
    const { now: before } = memoryOf(server.pid);
    let requests = 0;
    let failures = 0;
    while (requests < context.requests) {
      const paths = ids.map((id) => pathOf(id));
      const done = await generate({
        port: server.port,
        paths,
        connections,
        isDistinct: false,
        seconds: CHUNK_SECONDS,
        folder,
        signal,
      });
      if (done.requests === 0) throw new Error(`${name} answers nothing`);
      requests += done.requests;
      failures += done.failures;
      const { now } = memoryOf(server.pid);
      say(`${name}: ${requests.toLocaleString("en")} requests, ${megabytes(now)}`);
    }
    const { now: after, peak } = memoryOf(server.pid);
    return { name, requests, failures, before, after, peak };
  } finally {
    await server.stop();
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
