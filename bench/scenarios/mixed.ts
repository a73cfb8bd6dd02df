import { freePort } from "../../src/demo/cluster.ts";
import { runContest } from "../contest.ts";
import { type Contestant, TITLES, type WriteRequest } from "../contestants.ts";
import type { BenchContext, Scenario, ScenarioResult } from "../context.ts";
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
    const own: readonly Own[] = [
      { name: "hotpath, /users/ID", path: (id) => `/bench_users/${id}`, flags: [] },
      { name: "hotpath, tags of the table", path: (id) => `/bench_users?id=gte.${id}&id=lte.${id}`, flags: [] },
      { name: "hotpath without query cache", path: (id) => `/bench_users/${id}`, flags: ["--no-query-cache"] },
    ];
    return contest(context, WRITE, own, ["rows", "text"], (form, id) => `/${form}/users/${id}`);
  },
};

const WRITE_ORDER: typeof WRITE = {
  ...WRITE,
  content: (id) => JSON.stringify({ note: `Please ring at number ${id}` }),
};

/** The newest orders of a user, and now and then a change of one order. The table tells its old rows, so that a change is known to be of one list. */
export const mixedList: Scenario = {
  name: "mixed-list",
  summary: `95% reads of the newest 20 orders of a user and 5% changes of an order, users by Zipf's law (${ALPHA}), query cache on.`,
  async run(context) {
    const query = "select=id,status,total,note,created_at&order=created_at.desc,id&limit=20";
    const path = (id: number): string => `/bench_lists?user_id=eq.${id}&${query}`;
    const own: readonly Own[] = [
      { name: "hotpath", path, flags: [] },
      { name: "hotpath without query cache", path, flags: ["--no-query-cache"] },
    ];
    const ownWrite = { ...WRITE_ORDER, path: (id: number) => `/bench_lists/${orderOf(id)}` };
    const theirs = { ...WRITE_ORDER, path: (id: number) => `/text/orders/${orderOf(id)}` };
    return contest(context, ownWrite, own, ["text"], (form, id) => `/${form}/users/${id}/orders`, theirs);
  },
};

/** Any order. */
function orderOf(id: number): number {
  return id * 10;
}

async function contest(
  context: BenchContext,
  write: typeof WRITE,
  own: readonly Own[],
  forms: readonly ("rows" | "text")[],
  rivalPath: (form: string, id: number) => string,
  rivalWrite: typeof WRITE = write,
): Promise<ScenarioResult> {
  const { shopUrl } = context.database;
  const served = await Promise.all(own.map(async (each) => ({ ...each, adminPort: await freePort() })));
  const rivals = LINE_UP.flatMap(([driver, connections]) =>
    forms.map((form): Contestant => ({
      name: `${TITLES[driver]} (${connections}), ${form === "rows" ? "rows" : "JSON text"}`,
      role: "rival",
      program: writingRival(driver, shopUrl, connections),
      path: (id) => rivalPath(form, id),
      headers: () => JSON_CONTENT,
      write: { ...rivalWrite, ready: "/ready" },
    })),
  );
  await inDatabase(shopUrl, SET_UP + SET_UP_LISTS);
  const ratios = new Map<string, number>();
  const count = async (): Promise<void> => {
    for (const { name, adminPort } of served) {
      const ratio = await hitRatio(adminPort);
      if (ratio !== undefined) ratios.set(name, ratio);
    }
  };
  try {
    const contestants = [...served.map((each) => toContestant(each, shopUrl, write)), ...rivals];
    const ids = Array.from(generateTrace({ requests: REQUESTS, objects: USERS, alpha: ALPHA }), (rank) => 1 + rank);
    const result = toResult(await runContest(contestants, context, undefined, count, ids));
    const notes = [...ratios].map(([name, ratio]) => `${name}: ${(100 * ratio).toFixed(1)}% of the reads were hits.`);
    return { ...result, notes: [...result.notes, ...notes] };
  } finally {
    await inDatabase(shopUrl, `${TEAR_DOWN} drop table if exists bench_lists;`);
  }
}

const SET_UP_LISTS = `
  drop table if exists bench_lists;
  create table bench_lists (like orders including all);
  insert into bench_lists select * from orders;
  alter table bench_lists replica identity full;
  analyze bench_lists;`;

interface Own {
  readonly name: string;
  readonly path: (id: number) => string;
  readonly flags: readonly string[];
}

function toContestant(
  { name, path, flags, adminPort }: Own & { readonly adminPort: number },
  url: string,
  write: typeof WRITE,
): Contestant {
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
    write: { ...write, ready: "/bench_users?limit=1" },
    unwrap: (json) => (Array.isArray(json) && write.path === undefined ? json[0] : json),
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
