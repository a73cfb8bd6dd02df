// What `npm run check:soak` runs: a mixed load while the ways to database, upstream and Redis are disturbed at random.
//
//   npm run check:soak -- --minutes 10 --seed 7 --clients 8
import { parseArgs } from "node:util";
import { runCheck } from "../support/check-scope.ts";
import { memoryGrowth, toMegabytes } from "../support/server-process.ts";
import { runSoak } from "./run.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    seed: { type: "string", default: String(Date.now() % 100_000) },
    clients: { type: "string", default: "8" },
  },
});
/** What the heap may grow by once all is warm: caches that are not full yet. */
const MAX_GROWTH_BYTES = 12 * 1024 * 1024;
await runCheck(async (scope) => {
  const { say } = scope;
  say(`seed ${values.seed}`);
  const redis = await scope.redis();
  const { right, failed, wrong, faults, memory } = await runSoak(scope, {
    seconds: Number(values.minutes) * 60,
    seed: Number(values.seed),
    redis,
    clients: Number(values.clients),
    say,
  });

  const grown = memoryGrowth(memory);
  say(`${right} right; failures with a code of ours: ${list(failed)}`);
  say(`faults: ${list(faults)}`);
  say(`once warm the heap grew by ${toMegabytes(grown.heapUsed)}, resident memory by ${toMegabytes(grown.rss)}`);
  say(`${wrong.length} wrong`);
  for (const line of wrong.slice(0, 20)) say(`  ${line}`);
  process.exitCode = wrong.length === 0 && grown.heapUsed < MAX_GROWTH_BYTES ? 0 : 1;
});

function list(counts: ReadonlyMap<string, number>): string {
  return counts.size === 0 ? "none" : [...counts].map(([name, times]) => `${name} ×${times}`).join(", ");
}
