// What `npm run check:cluster` runs: nodes in network namespaces, with each kind of Redis in turn, and what happens to machines.
//
//   npm run check:cluster -- --kinds sentinel,cluster --nodes 3 --rounds 1 --seed 7
//   npm run check:cluster -- --other ../hotpath-before     also a rolling upgrade from another version, and back
import { parseArgs } from "node:util";
import { runCheck } from "../support/check-scope.ts";
import { findCommand } from "../support/commands.ts";
import { whyNoNetwork } from "../support/network.ts";
import type { RedisKind } from "../support/redis-sets.ts";
import { describe } from "./report.ts";
import { runClusterCheck } from "./run.ts";

const { values } = parseArgs({
  options: {
    kinds: { type: "string", default: "single,sentinel,cluster" },
    nodes: { type: "string", default: "3" },
    rounds: { type: "string", default: "1" },
    other: { type: "string" },
    seed: { type: "string", default: String(Date.now() % 100_000) },
  },
});
const program = findCommand("redis-server");
const reason = program === undefined ? "there is no redis-server here" : await whyNoNetwork();
if (program === undefined || reason !== undefined) {
  process.stdout.write(`not run: ${reason}\n`);
} else {
  for (const kind of values.kinds.split(",") as RedisKind[]) {
    await runCheck(async (scope) => {
      const { nodes, rounds, seed, other } = values;
      scope.say(`seed ${seed}`);
      const numbers = { nodes: Number(nodes), rounds: Number(rounds), seed: Number(seed), other };
      const outcome = await runClusterCheck(scope, { kind, program, ...numbers, say: scope.say });
      const { text, isRight } = describe(outcome);
      scope.say(text);
      if (!isRight) process.exitCode = 1;
    });
  }
}
