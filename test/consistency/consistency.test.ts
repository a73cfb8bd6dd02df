import assert from "node:assert/strict";
import { test } from "node:test";
import { findCommand } from "../support/commands.ts";
import { startRedisServer } from "../support/redis.ts";
import { describe } from "./report.ts";
import { runConsistencyCheck } from "./run.ts";

test("no read is older than its token or the bound, and none stays so, through every fault", async (t) => {
  const program = findCommand("redis-server");
  const redis = program === undefined ? undefined : await startRedisServer(t, program);
  const outcome = await runConsistencyCheck(t, {
    seconds: 0,
    seed: 1,
    redis,
    readersPerNode: 2,
    means: "log",
    say: (line) => t.diagnostic(line),
  });
  const report = describe(outcome);
  t.diagnostic(report);
  assert.deepEqual(outcome.tally.violations.slice(0, 3), [], report);
  assert.deepEqual(outcome.different, []);
  assert.ok(outcome.tally.withToken > 0 && outcome.tally.writtenDirectly > 0, report);
});
