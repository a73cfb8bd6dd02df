import assert from "node:assert/strict";
import { test } from "node:test";
import { requireCommand } from "../support/commands.ts";
import { whyNoNetwork } from "../support/network.ts";
import { describe } from "./report.ts";
import { runClusterCheck } from "./run.ts";

test("a node that was cut off from Redis misses no purge (`npm run check:cluster` is the long form)", async (t) => {
  const program = requireCommand(t, "redis-server");
  if (program === undefined) return;
  const reason = await whyNoNetwork();
  if (reason !== undefined) {
    t.skip(reason);
    return;
  }
  const say = (line: string): void => t.diagnostic(line);
  const outcome = await runClusterCheck(t, {
    kind: "single",
    program,
    nodes: 2,
    rounds: 1,
    seed: 1,
    isShort: true,
    say,
  });
  const { text, isRight } = describe(outcome);
  t.diagnostic(text);
  assert.ok(isRight, text);
  assert.ok(outcome.kept.purges > 0 && outcome.tally.reads > 0, text);
});
