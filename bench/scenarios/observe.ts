import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { runContest, type Score } from "../contest.ts";
import { type Contestant, hotpath } from "../contestants.ts";
import type { BenchContext, Scenario, ScenarioResult } from "../context.ts";
import { toResult } from "../score-table.ts";

/** Of the requests, those whose traces are sent. */
const SHARE = "0.01";

/** What it costs to watch: nothing counted, metrics and dashboard as by default, and traces besides. */
export const observe: Scenario = {
  name: "observe",
  summary: "One user by id, read from the database and from the cache, watched and not.",
  run: async (context) => withCollector(async (url) => contest(context, url)),
};

async function contest(context: BenchContext, collector: string): Promise<ScenarioResult> {
  const { shopUrl } = context.database;
  const traced = {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector,
    OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
    OTEL_TRACES_SAMPLER_ARG: SHARE,
  };
  const lines = [
    ["nothing counted", ["--no-admin"], {}],
    ["metrics and dashboard", [], {}],
    ["traces of 1% besides", [], traced],
  ] as const;
  const contestants = [
    { kind: "read", flags: ["--no-query-cache"] },
    { kind: "hit", flags: [] },
  ].flatMap(({ kind, flags }) =>
    lines.map(([name, more, environment]): Contestant => {
      const program = hotpath(shopUrl, [...flags, ...more]);
      return {
        name: `${kind}, ${name}`,
        role: "hotpath",
        program: {
          ...program,
          key: `${program.key} ${name}`,
          environment: { ...program.environment, ...environment },
        },
        path: (id) => `/users/${kind === "hit" ? (id % HOT) + 1 : id}`,
      };
    }),
  );
  // Those that are compared with each other answer the same.
  const reads = await runContest(contestants.slice(0, lines.length), context);
  const hits = await runContest(contestants.slice(lines.length), context);
  const result = toResult([...reads, ...hits]);
  return { ...result, notes: [...result.notes, ...[reads, hits].flatMap((scores) => compare(scores, lines.length))] };
}

/** What watching costs, by processor time for a request and by requests a second. */
function compare(scores: readonly Score[], count: number): string[] {
  const [nothing, ...watched] = scores.slice(0, count);
  if (nothing === undefined) return [];
  return watched.map((score) => {
    const processor = leastDisturbed(score) / leastDisturbed(nothing) - 1;
    const throughput = score.requestsPerSecond / nothing.requestsPerSecond - 1;
    return `${score.name}: processor time ${signed(processor)} (of each the quarter of turns where it was least), requests a second ${signed(throughput)}.`;
  });
}

/** Other programs can only add to the processor time of a request, by what they take of caches and clock: the lower quartile says most of it. */
function leastDisturbed({ rounds }: Score): number {
  const sorted = rounds.map(({ microsecondsEach }) => microsecondsEach).sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 4)] ?? Number.NaN;
}

function signed(share: number): string {
  return `${share < 0 ? "-" : "+"}${Math.abs(share * 100).toFixed(1)}%`;
}

/** Users that are asked for again and again. */
const HOT = 100;

/** Takes traces and forgets them. */
async function withCollector<T>(use: (url: string) => Promise<T>): Promise<T> {
  const server = createServer((request, response) => {
    request.resume().once("end", () => response.writeHead(200, { "content-type": "application/x-protobuf" }).end());
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  try {
    return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
