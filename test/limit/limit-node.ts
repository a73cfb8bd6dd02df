// One of several processes that count for the same key at once: `node limit-node.ts REDIS_URL`. Each message is a contest.
import { parseRedisUrl } from "../../src/cache/redis/target.ts";
import { createLeasedCounter } from "../../src/limit/leased-counter.ts";
import type { LimitAlgorithm } from "../../src/limit/policy.ts";
import { createRedisCounter } from "../../src/limit/redis-counter.ts";
import { openRedisRunner } from "../../src/limit/redis-runner.ts";
import { makePolicy } from "./policies.ts";

/** What the processes are to count. */
export interface Contest {
  readonly name: string;
  readonly algorithm: LimitAlgorithm;
  readonly quota: number;
  readonly lease: number;
  /** Of each process. */
  readonly calls: number;
}

const [url = ""] = process.argv.slice(2);
const runner = await openRedisRunner({ target: parseRedisUrl(url), timeoutMs: 20_000, report: () => {} });
await runner.ready(10_000);

process.on("message", (contest: Contest) => void run(contest));
process.send?.("ready");

/** Tells how many calls were allowed. */
async function run({ calls, ...shape }: Contest): Promise<void> {
  const policy = makePolicy({ ...shape, windowMs: 24 * 3_600_000 });
  const create = policy.lease > 0 ? createLeasedCounter : createRedisCounter;
  const counter = create(policy, runner.run, "test:");
  const decisions = await Promise.all(Array.from({ length: calls }, async () => counter.take("key", 1, policy.quota)));
  process.send?.(decisions.filter(({ isAllowed }) => isAllowed).length);
}
