import assert from "node:assert/strict";
import { test } from "node:test";
import { findCommand } from "../support/commands.ts";
import { startRedisServer } from "../support/redis.ts";
import { runSoak } from "./run.ts";

test("a mixed load with faults at random: no wrong reply, no crash, nothing lost (`npm run check:soak` is the long form)", async (t) => {
  const program = findCommand("redis-server");
  const redis = program === undefined ? undefined : await startRedisServer(t, program);
  const say = (line: string): void => t.diagnostic(line);
  const { right, wrong, faults } = await runSoak(t, { seconds: 6, seed: 11, redis, clients: 6, say });
  assert.deepEqual(wrong, []);
  assert.ok(right > 0 && faults.size > 0);
});
