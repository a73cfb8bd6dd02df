import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { createBreaker } from "../../src/cache/tiers/breaker.ts";
import { parseRedisUrl } from "../../src/cache/redis/target.ts";
import { freePort } from "../../src/demo/cluster.ts";
import { createLeasedCounter } from "../../src/limit/leased-counter.ts";
import { createMemoryCounter } from "../../src/limit/memory-counter.ts";
import type { Counter, LimitAlgorithm, LimitPolicy } from "../../src/limit/policy.ts";
import { createRedisCounter } from "../../src/limit/redis-counter.ts";
import { openRedisRunner } from "../../src/limit/redis-runner.ts";
import { createSharedCounter } from "../../src/limit/shared-counter.ts";
import type { Scenario } from "../context.ts";
import { generateTrace, type Trace } from "../eviction/traces.ts";
import { median } from "../statistics.ts";

/** Decisions of rate limiters: in the process, and through a Redis on this machine. No HTTP. */
export const rateLimit: Scenario = {
  name: "rate-limit",
  summary: "Decisions of rate limiters a second: in memory, one after the other, and in Redis, 64 at a time.",
  async run({ rounds, signal, say }) {
    const redis = await startRedis();
    const { contestants, close } = await contestantsOf(redis.url);
    const trace = generateTrace({ requests: CALLS, objects: KEYS, alpha: 1 });
    const rates = new Map<Contestant, number[]>(contestants.map((contestant) => [contestant, []]));
    try {
      // The first round only warms up.
      for (let round = 0; round <= rounds; round++) {
        for (const contestant of contestants) {
          signal.throwIfAborted();
          const rate = await measure(contestant, trace, round);
          if (round > 0) rates.get(contestant)?.push(rate);
        }
        say(`round ${round} of ${rounds}`);
      }
    } finally {
      await close();
      redis.child.kill();
    }
    const medians = contestants.map((contestant) => ({ contestant, rate: median(rates.get(contestant) ?? []) }));
    const rows = medians.map(({ contestant, rate }) => {
      const rivals = medians.filter((other) => other.contestant.isRival && other.contestant.store === contestant.store);
      const best = Math.max(...rivals.map((other) => other.rate));
      return [contestant.store, contestant.name, Math.round(rate).toLocaleString("en"), (rate / best).toFixed(2)];
    });
    return {
      table: { columns: ["counts in", "limiter", "decisions/s", "× best rival"], rows },
      details: medians.map(({ contestant: { name, store }, rate }) => ({ name, store, rate })),
      failures: 0,
      notes: [
        `${KEYS} keys, chosen by Zipf's law; ${QUOTA} requests a minute, so that the frequent ones are refused. Redis has one process, the limiters one.`,
        "hotpath and rate-limiter-flexible remember in the process who was refused, and do not ask Redis again; ours as the server does it, the rival's where it is asked to.",
        "The rivals count in fixed windows; @fastify/rate-limit's plugin does more around its store than is measured here.",
      ],
    };
  },
};

interface Contestant {
  readonly name: string;
  readonly store: "memory" | "Redis";
  readonly isRival: boolean;
  take(key: string): unknown;
}

const KEYS = 10_000;
const CALLS = 200_000;
const REDIS_CALLS = 20_000;
const AT_A_TIME = 64;
const QUOTA = 100;
const WINDOW_MS = 60_000;
const ALGORITHMS: readonly LimitAlgorithm[] = ["gcra", "fixed-window", "sliding-window", "sliding-log"];

async function contestantsOf(url: string): Promise<{ contestants: readonly Contestant[]; close: () => Promise<void> }> {
  const runner = await openRedisRunner({ target: parseRedisUrl(url), timeoutMs: 10_000, report: () => {} });
  await runner.ready(5000);
  const rivals = (await import(new URL("../contestants/rate-limiters.mjs", import.meta.url).href)) as Rivals;
  const shape = { quota: QUOTA, windowMs: WINDOW_MS, keys: KEYS, url };
  const inRedis = rivals.createRedisRivals(shape);
  const ours = (store: Contestant["store"], name: string, counter: Counter): Contestant => ({
    store,
    name: `hotpath, ${name}`,
    isRival: false,
    take: (key) => counter.take(key, 1, QUOTA),
  });
  return {
    contestants: [
      ...ALGORITHMS.map((algorithm) => ours("memory", algorithm, createMemoryCounter(policyOf(algorithm, 0)))),
      ...rivals.createMemoryRivals(shape).map((rival): Contestant => ({ ...rival, store: "memory", isRival: true })),
      ...ALGORITHMS.map((algorithm) =>
        ours("Redis", algorithm, shared(createRedisCounter(policyOf(algorithm, 0), runner.run, "bench:"))),
      ),
      ours("Redis", "leases of 10", shared(createLeasedCounter(policyOf("fixed-window", 10), runner.run, "bench:"))),
      ...inRedis.rivals.map((rival): Contestant => ({ ...rival, store: "Redis", isRival: true })),
    ],
    close: async () => {
      inRedis.close();
      await runner.close();
    },
  };
}

/** As the server counts: who is refused is remembered here until the time is over. */
function shared(remote: Counter): Counter {
  const local = createMemoryCounter(policyOf("fixed-window", 0));
  return createSharedCounter({ remote, local, whenUnreachable: "refuse", breaker: createBreaker() });
}

interface Rivals {
  createMemoryRivals(shape: object): readonly { name: string; take(key: string): unknown }[];
  createRedisRivals(shape: object): {
    readonly rivals: readonly { name: string; take(key: string): unknown }[];
    close(): void;
  };
}

function policyOf(algorithm: LimitAlgorithm, lease: number): LimitPolicy {
  const rest = { by: "ip", cost: "request", tiers: null, routes: [] } as const;
  return { ...rest, name: `${algorithm}-${lease}`, algorithm, quota: QUOTA, burst: QUOTA, windowMs: WINDOW_MS, lease };
}

/** Decisions a second. Keys of a round of their own, so that every round begins with nobody blocked. */
async function measure(contestant: Contestant, trace: Trace, round: number): Promise<number> {
  const keys = Array.from({ length: KEYS }, (_, at) => `${round}:192.0.2.${at}`);
  if (contestant.store === "memory") {
    const startedAt = performance.now();
    for (const object of trace) {
      const decision = contestant.take(keys[object]!);
      if (decision instanceof Promise) await decision;
    }
    return (trace.length / (performance.now() - startedAt)) * 1000;
  }
  let next = 0;
  const client = async (): Promise<void> => {
    while (next < REDIS_CALLS) await contestant.take(keys[trace[next++]!]!);
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: AT_A_TIME }, client));
  return (REDIS_CALLS / (performance.now() - startedAt)) * 1000;
}

async function startRedis(): Promise<{ child: ChildProcess; url: string }> {
  const port = await freePort();
  const words = ["--port", String(port), "--bind", "127.0.0.1", "--save", ""];
  const child = spawn("redis-server", words, { stdio: ["ignore", "pipe", "ignore"] });
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.includes("Ready to accept connections")) break;
  }
  child.stdout.resume();
  return { child, url: `redis://127.0.0.1:${port}` };
}
