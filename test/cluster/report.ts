import { describe as describeConsistency } from "../consistency/report.ts";
import type { ClusterOutcome } from "./run.ts";

/** An outcome in words, and whether all was as it must be. */
export function describe(outcome: ClusterOutcome): { readonly text: string; readonly isRight: boolean } {
  const { tally, kept, passed, most, compared, different, faults } = outcome;
  const counts = new Map<string, number>();
  for (const name of faults) counts.set(name, (counts.get(name) ?? 0) + 1);
  const lines = [
    describeConsistency({ tally, faults: counts, compared, different, routed: new Map() }),
    `kept replies: ${kept.purges} purges, ${kept.purgesFailed} failed; ${kept.reads} reads, ${kept.hits} from a cache, ${kept.readsFailed} failed; ` +
      `${kept.stale.length} older than a purge, ${kept.staleWhileCut} more while something was out of reach`,
    ...kept.stale.slice(0, 10).map((line) => `  ${line}`),
    `limit: ${passed} passed, ${most} at most`,
  ];
  const isRight = tally.violations.length + different.length + kept.stale.length === 0 && passed <= most;
  return { text: lines.join("\n"), isRight };
}
