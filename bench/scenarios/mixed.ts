import { freePort } from "../../src/demo/cluster.ts";
import { runContest } from "../contest.ts";
import { type Contestant, TITLES, type WriteRequest } from "../contestants.ts";
import type { Scenario } from "../context.ts";
import { USERS } from "../database.ts";
import { generateTrace } from "../eviction/traces.ts";
import { toResult } from "../score-table.ts";
import type { ServerProgram } from "../server-process.ts";
import { HOTPATH } from "../setup.ts";
import { change, inDatabase, JSON_CONTENT, LINE_UP, SET_UP, TEAR_DOWN, writingRival } from "./write.ts";

/** One of so many requests changes a row. */
const EVERY = 20;
/** Requests before they begin again. */
const REQUESTS = 40_000;
/** Of Zipf's law, as in YCSB. */
const ALPHA = 0.99;

const WRITE: Omit<WriteRequest, "ready"> = { method: "PATCH", content: change, variety: REQUESTS, every: EVERY };

/**
 * Reads of users by id, a few of them often, and now and then a change of one of them; with hotpath's query cache, which follows the
 * database's log. A range of one id reads the same row under a tag of the table, which any change of any row purges.
 */
export const mixed: Scenario = {
  name: "mixed",
  summary: `95% reads of one user by id and 5% changes of one, ids by Zipf's law (${ALPHA}), query cache on.`,
  async run(context) {
    const { shopUrl } = context.database;
    const own: readonly Own[] = [
      { name: "hotpath, /users/ID", path: (id) => `/bench_users/${id}`, flags: [] },
      { name: "hotpath, tags of the table", path: (id) => `/bench_users?id=gte.${id}&id=lte.${id}`, flags: [] },
      { name: "hotpath without query cache", path: (id) => `/bench_users/${id}`, flags: ["--no-query-cache"] },
    ];
    const served = await Promise.all(own.map(async (each) => ({ ...each, adminPort: await freePort() })));
    const rivals = LINE_UP.flatMap(([driver, connections]) =>
      ["rows", "text"].map((form): Contestant => ({
        name: `${TITLES[driver]} (${connections}), ${form === "rows" ? "rows" : "JSON text"}`,
        role: "rival",
        program: writingRival(driver, shopUrl, connections),
        path: (id) => `/${form}/users/${id}`,
        headers: () => JSON_CONTENT,
        write: { ...WRITE, ready: "/ready" },
      })),
    );
    await inDatabase(shopUrl, SET_UP);
    const ratios = new Map<string, number>();
    const count = async (): Promise<void> => {
      for (const { name, adminPort } of served) {
        const ratio = await hitRatio(adminPort);
        if (ratio !== undefined) ratios.set(name, ratio);
      }
    };
    try {
      const contestants = [...served.map((each) => toContestant(each, shopUrl)), ...rivals];
      const ids = Array.from(generateTrace({ requests: REQUESTS, objects: USERS, alpha: ALPHA }), (rank) => 1 + rank);
      const result = toResult(await runContest(contestants, context, undefined, count, ids));
      const notes = [...ratios].map(([name, ratio]) => `${name}: ${(100 * ratio).toFixed(1)}% of the reads were hits.`);
      return { ...result, notes: [...result.notes, ...notes] };
    } finally {
      await inDatabase(shopUrl, TEAR_DOWN);
    }
  },
};

interface Own {
  readonly name: string;
  readonly path: (id: number) => string;
  readonly flags: readonly string[];
}

function toContestant({ name, path, flags, adminPort }: Own & { readonly adminPort: number }, url: string): Contestant {
  const program: ServerProgram = {
    key: name,
    words: (port) => [HOTPATH, "serve", "--port", String(port), "--admin-port", String(adminPort), ...flags],
    environment: { HOTPATH_DATABASE_URL: url },
  };
  return {
    name,
    role: "hotpath",
    program,
    path,
    headers: () => ({ ...JSON_CONTENT, prefer: "return=representation" }),
    write: { ...WRITE, ready: "/bench_users?limit=1" },
    unwrap: (json) => (Array.isArray(json) ? json[0] : json),
  };
}

/** Share of the requests to the cache that it answered; undefined while the server is not up, or has no cache. */
async function hitRatio(adminPort: number): Promise<number | undefined> {
  const text = await metricsOf(adminPort).catch(() => "");
  const counts = [...text.matchAll(/^hotpath_cache_requests_total\{result="(\w+)"\} (\d+)$/gm)];
  const of = (results: readonly string[]): number =>
    counts.reduce((sum, [, result = "", count]) => sum + (results.includes(result) ? Number(count) : 0), 0);
  const all = of(["hit", "stale", "collapsed", "revalidated", "miss"]);
  return all === 0 ? undefined : of(["hit", "stale", "collapsed"]) / all;
}

async function metricsOf(port: number): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`, { signal: AbortSignal.timeout(5000) });
  return response.text();
}
