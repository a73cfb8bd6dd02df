import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { attempt, DISTURBANCES, recovered } from "../faults/load.ts";
import { defer, type TestScope } from "../support/defer.ts";
import { type FaultProxy, startFaultProxy, through } from "../support/fault-proxy.ts";
import { testDatabase } from "../support/postgres.ts";
import type { RedisServer } from "../support/redis.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { sendRequest } from "../support/server.ts";
import { type MemoryUse, type ServerProcess, startServerProcess, toMegabytes } from "../support/server-process.ts";
import { createQuestions, SOAK_SCHEMA } from "./questions.ts";

export interface SoakOptions {
  readonly seconds: number;
  readonly seed: number;
  /** Absent: without Redis. */
  readonly redis: RedisServer | undefined;
  readonly clients: number;
  readonly say: (line: string) => void;
}

/** What came of a soak. */
export interface SoakOutcome {
  readonly right: number;
  /** Failures with a code of ours, by status and code. */
  readonly failed: ReadonlyMap<string, number>;
  readonly wrong: readonly string[];
  /** How often each fault happened. */
  readonly faults: ReadonlyMap<string, number>;
  readonly memory: readonly MemoryUse[];
}

const MAX_WRONG = 50;
/** What it logs as an error because it is one, and was made. */
const OUTAGE = /"msg":"The database does not answer; trying on"/;
/** Between two requests of a client: others use the machine, too. */
const PAUSE_MS = 4;
const LOOK_EVERY_MS = 10_000;

/**
 * A mixed load (reads, writes, functions, batches, cached and passed replies, HTTP/2) on a server whose ways to its database, its upstream
 * and Redis are disturbed at random. Every reply is judged, and what was written is compared at the end, when all must work again.
 */
export async function runSoak(t: TestScope, options: SoakOptions): Promise<SoakOutcome> {
  const { seed, redis, clients, say } = options;
  const random = seededRandom(seed);
  const database = await testDatabase(t, { sql: SOAK_SCHEMA });
  const origin = await startOrigin(t);
  const ways: { name: string; proxy: FaultProxy }[] = [
    { name: "database", proxy: await startFaultProxy(t, Number(new URL(database).port), seed) },
    { name: "upstream", proxy: await startFaultProxy(t, origin.port, seed + 1) },
  ];
  if (redis !== undefined) ways.push({ name: "Redis", proxy: await startFaultProxy(t, redis.port, seed + 2) });
  const server = await startServerProcess(t, new URL("target.ts", import.meta.url), [
    through(database, ways[0]!.proxy),
    through(`http://127.0.0.1:${origin.port}`, ways[1]!.proxy).replace(/\/$/, ""),
    redis === undefined ? "" : through(redis.url, ways[2]!.proxy),
  ]);
  const send = (method: string, path: string, headers = {}, content?: string) =>
    sendRequest(server.url, method, path, { connection: "close", ...headers }, content);
  const questions = createQuestions(send, server.url, random);
  await recovered(questions.reads, "before");
  const over = new AbortController();
  const outcome = { right: 0, failed: new Map<string, number>(), wrong: [] as string[] };
  const work = async (): Promise<void> => {
    while (!over.signal.aborted && outcome.wrong.length < MAX_WRONG) {
      const question = questions.next();
      const problem = await attempt(question, outcome);
      if (problem !== undefined) outcome.wrong.push(`${question.label}: ${problem}`);
      await delay(PAUSE_MS);
    }
  };
  const memory: MemoryUse[] = [];
  const watching = watch(server, memory, over.signal, () => say(describe(outcome, memory)));
  const working = Promise.all(Array.from({ length: clients }, work));
  const faults = await disturb(
    ways,
    options,
    random,
    () => outcome.wrong.length >= MAX_WRONG || server.child.exitCode !== null,
  );
  over.abort();
  await Promise.all([working, watching]);
  for (const { proxy } of ways) proxy.heal();
  if (server.child.exitCode === null) {
    await recovered(questions.reads, "after").catch((error: unknown) => outcome.wrong.push(String(error)));
    memory.push(await server.memory());
  }
  outcome.wrong.push(...(await questions.check(database, origin.received)));
  const lines = server.complaints.flatMap((text) => text.split("\n")).filter((line) => line !== "");
  outcome.wrong.push(...lines.filter((line) => !OUTAGE.test(line)).map((line) => `the server said: ${line}`));
  return { ...outcome, faults, memory };
}

async function disturb(
  ways: readonly { name: string; proxy: FaultProxy }[],
  { seconds }: SoakOptions,
  random: () => number,
  isOver: () => boolean,
): Promise<ReadonlyMap<string, number>> {
  const happened = new Map<string, number>();
  const until = performance.now() + seconds * 1000;
  while (performance.now() < until && !isOver()) {
    await delay(300 + random() * 1500);
    const { name, proxy } = ways[Math.floor(random() * ways.length)]!;
    const disturbance = DISTURBANCES[Math.floor(random() * DISTURBANCES.length)]!;
    disturbance.begin(proxy);
    await delay(200 + random() * 2500);
    proxy.heal();
    const label = `${name} ${disturbance.name}`;
    happened.set(label, (happened.get(label) ?? 0) + 1);
  }
  return happened;
}

async function watch(server: ServerProcess, memory: MemoryUse[], over: AbortSignal, told: () => void): Promise<void> {
  while (!over.aborted && server.child.exitCode === null) {
    memory.push(await server.memory());
    told();
    await delay(LOOK_EVERY_MS, undefined, { signal: over }).catch(() => {});
  }
}

function describe({ right, wrong }: { right: number; wrong: readonly string[] }, memory: readonly MemoryUse[]): string {
  const { heapUsed, rss } = memory.at(-1)!;
  return `${right} right, ${wrong.length} wrong, heap ${toMegabytes(heapUsed)}, resident ${toMegabytes(rss)}`;
}

async function startOrigin(t: TestScope): Promise<{ port: number; received: ReadonlyMap<string, number> }> {
  const received = new Map<string, number>();
  const server = createServer((message, response) => {
    let content = "";
    message.on("error", () => {});
    message.on("data", (chunk: Buffer) => (content += chunk.toString()));
    message.on("end", () => {
      const [, kind, n] = (message.url ?? "").split("/");
      if (kind === "post") received.set(content, (received.get(content) ?? 0) + 1);
      if (kind === "cached") response.setHeader("cache-control", "max-age=2, stale-if-error=5");
      const text = kind === "post" ? "noted" : kind === "cached" ? `cached ${n} ${"x".repeat(2000)}` : `plain ${n}`;
      response.setHeader("content-length", text.length);
      response.end(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  defer(t, () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(() => resolve()));
  });
  return { port: (server.address() as AddressInfo).port, received };
}
