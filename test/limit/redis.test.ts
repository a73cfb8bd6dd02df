import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { after, describe, it, type TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import * as fc from "fast-check";
import { parseRedisUrl } from "../../src/cache/redis/target.ts";
import { createBreaker } from "../../src/cache/tiers/breaker.ts";
import { createLeasedCounter } from "../../src/limit/leased-counter.ts";
import { createMemoryCounter } from "../../src/limit/memory-counter.ts";
import type { Counter, LimitAlgorithm } from "../../src/limit/policy.ts";
import { createRedisCounter } from "../../src/limit/redis-counter.ts";
import { openRedisRunner, type RedisRunner } from "../../src/limit/redis-runner.ts";
import { createSharedCounter } from "../../src/limit/shared-counter.ts";
import { defer, type TestScope } from "../support/defer.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import type { Contest } from "./limit-node.ts";
import { makePolicy } from "./policies.ts";

const ALGORITHMS = ["gcra", "fixed-window", "sliding-window", "sliding-log"] as const;
const DAY_MS = 24 * 3_600_000;
const file = { after };
// Inside a test `after` would mean that test: the file's own hook has to be set before.
defer(file, () => undefined);
let server: Promise<RedisServer | undefined> | undefined;

async function runnerOf(t: TestContext, url?: string): Promise<RedisRunner | undefined> {
  server ??= startRedis(t, [], file);
  const target = url ?? (await server)?.url;
  if (target === undefined) return undefined;
  return openRunner(t, target);
}

async function openRunner(t: TestScope, url: string, timeoutMs = 10_000): Promise<RedisRunner> {
  const runner = await openRedisRunner({ target: parseRedisUrl(url), timeoutMs, report: () => {} });
  defer(t, () => runner.close());
  assert.ok(await runner.ready(5000), "Redis is reached");
  return runner;
}

describe("counting in Redis", () => {
  for (const algorithm of ALGORITHMS) {
    it(`decides as counting in memory does: ${algorithm}`, async (t) => {
      const runner = await runnerOf(t);
      if (runner === undefined) return;
      const calls = fc.array(
        fc.record({ cost: fc.integer({ min: 0, max: 3 }), isCharge: fc.boolean(), back: fc.boolean() }),
        { minLength: 1, maxLength: 12 },
      );
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 1, max: 8 }), calls, async (quota, given) => {
          // A day is so long that the clocks of the two make no difference.
          const policy = makePolicy({ name: randomUUID(), algorithm, quota, windowMs: DAY_MS });
          const remote = createRedisCounter(policy, runner.run, "test:");
          const local = createMemoryCounter(policy, Date.now);
          for (const { cost, isCharge, back } of given) {
            if (isCharge) {
              for (const counter of [remote, local]) counter.charge("key", back ? -Math.min(cost, 1) : cost, quota);
              continue;
            }
            const [there, here] = [await remote.take("key", cost, quota), await local.take("key", cost, quota)];
            assert.deepEqual(
              { isAllowed: there.isAllowed, remaining: Math.max(-1, there.remaining) },
              { isAllowed: here.isAllowed, remaining: Math.max(-1, here.remaining) },
            );
            assert.ok(there.isAllowed === (there.retryAfterMs === 0));
          }
        }),
        { numRuns: 40 },
      );
    });

    it(`lets units come back with time: ${algorithm}`, async (t) => {
      const runner = await runnerOf(t);
      if (runner === undefined) return;
      const policy = makePolicy({ name: randomUUID(), algorithm, quota: 2, windowMs: 300 });
      const counter = createRedisCounter(policy, runner.run, "test:");
      assert.equal((await counter.take("key", 2, 2)).isAllowed, true);
      for (let refusals = 0; ; refusals++) {
        assert.ok(refusals < 20, "it is refused for ever");
        const { isAllowed, retryAfterMs } = await counter.take("key", 1, 2);
        if (isAllowed) break;
        assert.ok(retryAfterMs > 0 && retryAfterMs <= 600);
        await delay(retryAfterMs);
      }
    });
  }

  it("over four processes lets exactly the quota pass; by leases no more, and less by what the others hold", async (t) => {
    server ??= startRedis(t, [], file);
    const redis = await server;
    if (redis === undefined) return;
    const node = fileURLToPath(new URL("limit-node.ts", import.meta.url));
    const nodes = Array.from({ length: 4 }, () => fork(node, [redis.url]));
    defer(t, () => nodes.forEach((child) => child.kill()));
    await Promise.all(nodes.map(messageOf));
    const [quota, calls, lease] = [1234, 2500, 25];
    const passed = async (algorithm: LimitAlgorithm, units: number): Promise<number> => {
      const counts = nodes.map(messageOf);
      const contest: Contest = { name: randomUUID(), algorithm, quota, calls, lease: units };
      for (const child of nodes) child.send(contest);
      return (await Promise.all(counts)).reduce((sum: number, count) => sum + Number(count), 0);
    };
    for (const algorithm of ALGORITHMS) assert.equal(await passed(algorithm, 0), quota, algorithm);
    const leased = await passed("fixed-window", lease);
    assert.ok(leased <= quota && leased >= quota - 4 * (lease - 1), String(leased));
  });

  it("by leases asks once for many", async (t) => {
    const runner = await runnerOf(t);
    if (runner === undefined) return;
    let asked = 0;
    const counted: RedisRunner["run"] = async (...words) => (asked++, runner.run(...words));
    const policy = makePolicy({ name: randomUUID(), quota: 1000, windowMs: DAY_MS, lease: 100 });
    const counter = createLeasedCounter(policy, counted, "test:");
    const decisions = await Promise.all(Array.from({ length: 1500 }, async () => counter.take("key", 1, 1000)));
    assert.equal(decisions.filter(({ isAllowed }) => isAllowed).length, 1000);
    assert.ok(asked <= 12, `${asked} calls`);
    const before = asked;
    assert.equal((await counter.take("key", 1, 1000)).isAllowed, false);
    assert.equal(asked, before, "a spent quota is not asked for again");
  });
});

describe("counting with Redis out of reach", () => {
  it("remembers who is blocked, and asks Redis for the others only", async () => {
    let [asked, nowMs] = [0, 0];
    const remote: Counter = {
      take: async (key) => {
        asked++;
        return { isAllowed: key === "good", remaining: 0, resetMs: 5000, retryAfterMs: key === "good" ? 0 : 5000 };
      },
      charge: () => {},
    };
    const counter = createSharedCounter({ ...alone(), remote, clock: () => nowMs });
    for (let attack = 0; attack < 100; attack++) assert.equal((await counter.take("bad", 1, 10)).isAllowed, false);
    assert.equal(asked, 1);
    assert.equal((await counter.take("good", 1, 10)).isAllowed, true);
    nowMs = 5001;
    await counter.take("bad", 1, 10);
    assert.equal(asked, 3, "once its time is over it is asked for again");
  });

  it("grants a local share, or refuses, and comes back by itself", async (t) => {
    const redis = await startRedis(t);
    if (redis === undefined) return;
    const runner = await openRunner(t, redis.url, 500);
    const policy = makePolicy({ quota: 100, windowMs: DAY_MS });
    const remote = createRedisCounter(policy, runner.run, "test:");
    const breaker = createBreaker({ openMs: 20, maxOpenMs: 50 });
    const counter = createSharedCounter({ ...alone(), remote, breaker });
    const strict = createSharedCounter({ ...alone(), remote, breaker, whenUnreachable: "refuse" });
    assert.equal((await counter.take("key", 1, 100)).remaining, 99);
    await redis.kill();
    const decisions = await Promise.all(Array.from({ length: 100 }, async () => counter.take("key", 1, 100)));
    assert.equal(decisions.filter(({ isAllowed }) => isAllowed).length, 50);
    assert.equal((await strict.take("key", 1, 100)).isAllowed, false);
    await redis.start();
    for (let tries = 0; (await counter.take("other", 1, 100)).remaining < 99; tries++) {
      assert.ok(tries < 500, "Redis is used again");
      await delay(20);
    }
  });
});

function alone(): Pick<Parameters<typeof createSharedCounter>[0], "local" | "whenUnreachable" | "breaker"> {
  return {
    local: createMemoryCounter(makePolicy({ quota: 100, windowMs: DAY_MS })),
    whenUnreachable: { sharePercent: 50 },
    breaker: createBreaker(),
  };
}

async function messageOf(child: ChildProcess): Promise<unknown> {
  const [message] = (await once(child, "message")) as [unknown];
  return message;
}
