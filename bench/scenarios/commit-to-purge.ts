import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { Client, Pool } from "pg";
import { freePort } from "../../src/demo/cluster.ts";
import { seededRandom } from "../../test/support/seeded-random.ts";
import { hotpath } from "../contestants.ts";
import type { BenchContext, Scenario } from "../context.ts";
import { type ServerProcess, startServerProcess } from "../server-process.ts";

/** How long two nodes go on with a reply that somebody else's commit has made out of date, as a client sees it. */
export const commitToPurge: Scenario = {
  name: "commit-to-purge",
  summary:
    "Two nodes that share Redis, 500 writes a second by somebody else: from a commit's acknowledgement until requests are answered with it.",
  async run(context) {
    const { database, seconds, rounds, say } = context;
    await withClient(database.shopUrl, (client) => client.query(TABLE));
    const redis = await startRedis();
    const nodes: ServerProcess[] = [];
    try {
      // A busy machine would have some of the requests refused.
      const flags = ["--cache-redis", redis.url, "--no-overload"];
      // The first one that is up follows the changes.
      for (let node = 0; node < 2; node++) {
        const program = hotpath(database.shopUrl, flags);
        nodes.push(await startServerProcess(program, pathOf(1), context.cores, context.signal));
      }
      for (const node of nodes) await untilCached(node, context.signal);
      const measured = await measure(context, nodes, seconds * rounds);
      say(`${measured.samples.length} commits looked at`);
      const rows = ["node that reads the log", "the other node", "both"].map((name, at) =>
        toRow(
          name,
          measured.samples.map(([leader, other]) => [leader, other, Math.max(leader, other)][at]!),
        ),
      );
      rows.push(toRow("(the commit itself)", measured.commits));
      return {
        table: { columns: ["as seen on", "p50 ms", "p90 ms", "p99 ms", "most ms", "commits"], rows },
        details: measured,
        failures: measured.failures,
        notes: [
          `${Math.round(measured.writesPerSecond)} writes and ${Math.round(measured.readsPerSecond)} reads a second meanwhile, over ${ROWS} rows; each node is asked again a millisecond after its last answer, and what counts is when the first request was sent that is answered with the new row.`,
        ],
      };
    } finally {
      for (const node of nodes) await node.stop();
      await redis.stop();
      await withClient(database.shopUrl, (client) => client.query("drop table if exists bench_purges"));
    }
  },
};

const ROWS = 5000;
/** Rows that only the commits looked at change. */
const OWN_ROWS = 1000;
const WRITES_PER_SECOND = 500;
const READS_PER_SECOND = 400;
const TICK_MS = 10;

const TABLE = `drop table if exists bench_purges;
create table bench_purges (id int primary key, n int not null);
insert into bench_purges select id, 0 from generate_series(1, ${ROWS}) id;`;

interface Measured {
  /** Milliseconds on either node. */
  readonly samples: readonly (readonly [number, number])[];
  /** Milliseconds that these commits took themselves. */
  readonly commits: readonly number[];
  readonly writesPerSecond: number;
  readonly readsPerSecond: number;
  readonly failures: number;
}

async function measure(
  { database, signal }: BenchContext,
  nodes: readonly ServerProcess[],
  seconds: number,
): Promise<Measured> {
  // Whoever waits for no disk is told of a commit before the log has it.
  const pool = new Pool({ connectionString: database.shopUrl, max: 8, options: "-c synchronous_commit=local" });
  const agent = new Agent({ keepAlive: true });
  const random = seededRandom(7);
  const samples: (readonly [number, number])[] = [];
  const commits: number[] = [];
  let writes = 0;
  let reads = 0;
  let failures = 0;
  const startedAt = performance.now();
  let ticks = 0;
  const count = (task: Promise<unknown>, note: () => void): void => {
    task.then(note).catch(() => failures++);
  };
  const ticker = setInterval(() => {
    // As many as are due, so that a late tick makes up for itself.
    const due = Math.floor((performance.now() - startedAt) / TICK_MS);
    for (; ticks < due; ticks++) {
      for (let each = 0; each < (WRITES_PER_SECOND * TICK_MS) / 1000; each++) {
        const id = OWN_ROWS + 1 + Math.floor(random() * (ROWS - OWN_ROWS));
        count(pool.query({ name: "write", text: WRITE, values: [id] }), () => writes++);
      }
      for (let each = 0; each < (READS_PER_SECOND * TICK_MS) / 1000; each++) {
        const id = OWN_ROWS + 1 + Math.floor(random() * (ROWS - OWN_ROWS));
        count(read(nodes[each % 2]!, id, agent), () => reads++);
      }
    }
  }, TICK_MS);
  try {
    for (let round = 0; performance.now() - startedAt < seconds * 1000; round++) {
      signal.throwIfAborted();
      const id = 1 + (round % OWN_ROWS);
      await Promise.all(nodes.map((node) => untilHit(node, id, agent)));
      const begunAt = performance.now();
      const { rows } = await pool.query<{ n: number }>({ name: "write", text: WRITE, values: [id] });
      const committedAt = performance.now();
      const wanted = rows[0]!.n;
      const [leader, other] = await Promise.all(
        nodes.map(async (node) => {
          for (;;) {
            const sentAt = performance.now();
            if ((await read(node, id, agent)).n >= wanted) return Math.max(0, sentAt - committedAt);
            await delay(1, undefined, { signal });
          }
        }),
      );
      samples.push([leader!, other!]);
      commits.push(committedAt - begunAt);
      await delay(PAUSE_MS);
    }
  } finally {
    clearInterval(ticker);
    await pool.end();
    agent.destroy();
  }
  const tookSeconds = (performance.now() - startedAt) / 1000;
  return { samples, commits, writesPerSecond: writes / tookSeconds, readsPerSecond: reads / tookSeconds, failures };
}

const WRITE = "update bench_purges set n = n + 1 where id = $1 returning n";
const PAUSE_MS = 5;

interface Seen {
  readonly n: number;
  readonly isHit: boolean;
}

function pathOf(id: number): string {
  return `/bench_purges?id=eq.${id}`;
}

async function read({ port }: ServerProcess, id: number, agent: Agent): Promise<Seen> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port, path: pathOf(id), agent, timeout: 10_000 }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (text += chunk));
      response.once("error", reject);
      response.once("end", () => {
        if (response.statusCode !== 200) {
          reject(new Error(`status ${response.statusCode}`));
          return;
        }
        const [row] = JSON.parse(text) as readonly { readonly n: number }[];
        resolve({ n: row!.n, isHit: String(response.headers["cache-status"]).includes("; hit") });
      });
    });
    asked.once("error", reject);
    asked.once("timeout", () => asked.destroy(new Error("timeout")));
    asked.end();
  });
}

async function untilHit(node: ServerProcess, id: number, agent: Agent): Promise<void> {
  while (!(await read(node, id, agent)).isHit) await delay(1);
}

/** A node that has just started does not follow yet. */
async function untilCached(node: ServerProcess, signal: AbortSignal): Promise<void> {
  const agent = new Agent();
  for (const deadline = performance.now() + 30_000; !(await read(node, 1, agent)).isHit;) {
    signal.throwIfAborted();
    if (performance.now() > deadline) throw new Error("the nodes do not cache: are changes followed?");
    await delay(20);
  }
}

function toRow(name: string, values: readonly number[]): readonly string[] {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN).toFixed(1);
  return [name, at(0.5), at(0.9), at(0.99), at(1), String(sorted.length)];
}

async function withClient(url: string, use: (client: Client) => Promise<unknown>): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await use(client);
  } finally {
    await client.end();
  }
}

async function startRedis(): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const port = await freePort();
  const words = ["--port", String(port), "--bind", "127.0.0.1", "--save", ""];
  const child: ChildProcess = spawn("redis-server", words, { stdio: ["ignore", "pipe", "ignore"] });
  for await (const line of createInterface({ input: child.stdout! })) {
    if (line.includes("Ready to accept connections")) break;
  }
  child.stdout?.resume();
  return {
    url: `redis://127.0.0.1:${port}`,
    async stop() {
      const exit = once(child, "exit");
      child.kill();
      await exit;
    },
  };
}
