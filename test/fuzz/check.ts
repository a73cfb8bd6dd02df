// What `npm run check:fuzz` runs: requests made from a seed, each of which must be answered, with no 500, and memory must stay flat.
//
//   npm run check:fuzz                                     1,000,000 requests of seed 1
//   npm run check:fuzz -- --seed 7 --requests 50000        others
//   npm run check:fuzz -- --seed 7 --from 1234 --requests 1  one again
import { parseArgs } from "node:util";
import { runCheck } from "../support/check-scope.ts";
import { memoryGrowth, toMegabytes } from "../support/server-process.ts";
import { runFuzz } from "./run.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    from: { type: "string", default: "0" },
    requests: { type: "string", default: "1000000" },
  },
});
/** What the heap may grow by after the warm-up: caches that are not full yet. */
const MAX_GROWTH_BYTES = 24 * 1024 * 1024;
await runCheck(async (scope) => {
  const { say } = scope;
  const { requests, statuses, findings, memory, seconds } = await runFuzz(scope, {
    seed: Number(values.seed),
    from: Number(values.from),
    requests: Number(values.requests),
    say,
  });
  const grown = memoryGrowth(memory);
  const counts = [...statuses]
    .sort(([one], [other]) => one.localeCompare(other))
    .map(([status, times]) => `${status} ×${times}`);
  say(`${requests} requests in ${seconds.toFixed(0)} s: ${counts.join(", ")}`);
  say(
    `after the warm-up the heap grew by ${toMegabytes(grown.heapUsed)}, resident memory by ${toMegabytes(grown.rss)}`,
  );
  for (const { seed, number, reason, request, reply } of findings.slice(0, 20)) {
    say(`\n--- ${reason}: --seed ${seed} --from ${number} --requests 1\n${request}\n... ${reply}`);
  }
  say(`${findings.length} findings`);
  process.exitCode = findings.length === 0 && grown.heapUsed < MAX_GROWTH_BYTES ? 0 : 1;
});
