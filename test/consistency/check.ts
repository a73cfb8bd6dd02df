// What `npm run check:consistency` runs: the check of consistency.test.ts for as long as is asked, with faults at random.
//
//   npm run check:consistency -- --seconds 120 --seed 7 --readers 4 --means triggers
import { parseArgs } from "node:util";
import { runCheck } from "../support/check-scope.ts";
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
await runCheck(async (scope) => {
  const { say } = scope;
  say(`seed ${values.seed}`);
  const redis = await scope.redis();
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
});
