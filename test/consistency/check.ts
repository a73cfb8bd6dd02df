// What `npm run check:consistency` runs: the check of consistency.test.ts for as long as is asked, with faults at random.
//
//   npm run check:consistency -- --seconds 120 --seed 7 --readers 4 --means triggers
import { parseArgs } from "node:util";
import type { TestScope } from "../support/defer.ts";
import { findCommand } from "../support/commands.ts";
import { startRedisServer } from "../support/redis.ts";
import { describe } from "./report.ts";
import { runConsistencyCheck } from "./run.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: String(Date.now() % 100_000) },
    readers: { type: "string", default: "4" },
    means: { type: "string", default: "log" },
  },
});
const releases: (() => Promise<void> | void)[] = [];
const scope: TestScope = { after: (release) => void releases.push(release) };
const say = (line: string): void => void process.stdout.write(`${line}\n`);
try {
  say(`seed ${values.seed}`);
  const program = findCommand("redis-server");
  if (program === undefined) say("there is no redis-server here: its faults are left out");
  const redis = program === undefined ? undefined : await startRedisServer(scope, program);
  const outcome = await runConsistencyCheck(scope, {
    seconds: Number(values.seconds),
    seed: Number(values.seed),
    redis,
    readersPerNode: Number(values.readers),
    means: values.means === "triggers" ? "triggers" : "log",
    say,
  });
  say(describe(outcome));
  process.exitCode = outcome.tally.violations.length + outcome.different.length === 0 ? 0 : 1;
} finally {
  for (const release of releases.reverse()) await release();
}
