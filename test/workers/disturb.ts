import type { TestScope } from "../support/defer.ts";
import { poll, startWorkers, type Workers } from "./harness.ts";

/** What became of requests while workers were killed and replaced. */
export interface Disturbed {
  readonly answered: number;
  /** Sent again after their connection broke, and answered then. */
  readonly retriedAtKills: number;
  readonly retriedAtReloads: number;
  /** Not answered, or not with 200. */
  readonly failed: readonly string[];
  readonly kills: number;
  readonly reloads: number;
}

const CONFIG = `{
  routes: [
    who,
    get("/kept", { cache: { maxAge: "1m" }, handle: () => ({ kept: true }) }),
    get("/slow", { handle: async () => { await new Promise((resolve) => setTimeout(resolve, 10)); return { slow: true }; } }),
  ],
}`;
const PATHS = ["/kept", "/slow", "/who"];
/** A connection that breaks before there is a reply: whoever sends a GET may send it again. */
const BROKEN = /ECONNRESET|EPIPE|socket hang up/;
const MAX_TRIES = 5;

/** Kills workers and reloads them, again and again, while clients send requests without a pause. */
export async function disturb(
  t: TestScope,
  { kills, reloads, clients, say }: { kills: number; reloads: number; clients: number; say: (line: string) => void },
): Promise<Disturbed> {
  const workers = await startWorkers(t, CONFIG);
  const load = startLoad(workers, clients);
  try {
    for (let round = 1; round <= reloads; round++) {
      if (!(await workers.reload())) throw new Error(`reload ${round} failed: ${workers.said()}`);
      if (round % 20 === 0) say(`${round} reloads, ${load.answered} answers, ${load.failed.length} failed`);
    }
    const retriedAtReloads = load.retried;
    for (let round = 1; round <= kills; round++) {
      await poll(async () => (await workers.ready()) === 2, "both workers serve");
      const ended = await workers.metric(/^hotpath_workers_ended_total/);
      process.kill(await anyWorker(workers), "SIGKILL");
      await poll(async () => (await workers.metric(/^hotpath_workers_ended_total/)) > ended, "the end is noticed");
      if (round % 20 === 0) say(`${round} kills, ${load.answered} answers, ${load.failed.length} failed`);
    }
    await poll(async () => (await workers.ready()) === 2, "both workers serve");
    const { answered, retried, failed } = load;
    return { answered, retriedAtKills: retried - retriedAtReloads, retriedAtReloads, failed, kills, reloads };
  } finally {
    await load.stop();
  }
}

/** Whichever a new connection comes to. */
async function anyWorker(workers: Workers): Promise<number> {
  const client = workers.client();
  try {
    return await client.worker();
  } finally {
    client.close();
  }
}

function startLoad(workers: Workers, clients: number) {
  const load = {
    answered: 0,
    retried: 0,
    failed: [] as string[],
    async stop(): Promise<void> {
      over.abort();
      await Promise.all(running);
    },
  };
  const over = new AbortController();
  const one = async (at: number): Promise<void> => {
    const client = workers.client();
    for (let turn = at; !over.signal.aborted; turn++) {
      const path = PATHS[turn % PATHS.length]!;
      for (let tries = 1; ; tries++) {
        try {
          const { status, text } = await client.get(path);
          if (status === 200) load.answered++;
          else load.failed.push(`${path}: ${status} ${text.slice(0, 200)}`);
          break;
        } catch (error) {
          if (tries < MAX_TRIES && BROKEN.test(String(error))) {
            load.retried++;
            continue;
          }
          load.failed.push(`${path}: ${String(error)}`);
          break;
        }
      }
    }
    client.close();
  };
  const running = Array.from({ length: clients }, (_, at) => one(at));
  return load;
}
