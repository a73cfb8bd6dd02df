import type { Outcome } from "./run.ts";

/** An outcome in words. */
export function describe({ tally, faults, compared, different, routed }: Outcome): string {
  const writes = `${tally.written} writes through hotpath and ${tally.writtenDirectly} around it, ${tally.writesFailed} failed`;
  const reads = `${tally.reads} reads, ${tally.withToken} with the token of a write, ${tally.monotonic} with that of the read before, ${tally.readsFailed} failed`;
  const lines = [
    `${writes}; ${reads}`,
    `faults: ${list(faults)}`,
    `replies by Cache-Status: ${list(tally.cache)}`,
    `reads by server: ${list(routed)}`,
    `failures: ${list(tally.failures)}`,
    `wrong replies: ${tally.violations.length}; after the writers had stopped, ${compared} replies compared, ${different.length} differ`,
  ];
  const wrong = tally.violations.slice(0, 10).map(({ rule, read, register, expected, received }) => {
    const token =
      read.tokenOf === undefined ? "" : `, token of register ${read.tokenOf.register} = ${read.tokenOf.value}`;
    return `  ${rule}: ${read.label}: register ${register} was ${received}, must be ${expected} or more${token}`;
  });
  return [...lines, ...wrong, ...different.slice(0, 10).map((line) => `  ${line}`)].join("\n");
}

function list(counts: ReadonlyMap<string, number>): string {
  return counts.size === 0 ? "none" : [...counts].map(([name, count]) => `${name} ${count}`).join(", ");
}
