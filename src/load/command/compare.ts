import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { CommandInput } from "../../cli/command.ts";
import { HotpathError } from "../../errors.ts";
import { type Comparison, compareRuns, LEAST_POINTS } from "../compare.ts";
import { formatMs, formatPercent } from "../report/values.ts";
import type { LoadResult } from "../result.ts";
import { type LoadFlags, misused } from "./flags.ts";

const DEFAULT_TOLERANCE = 0.05;
const FAILURE_TOLERANCE = 0.001;
/** As for a threshold: the gate did not let it through. */
const WORSE = 99;

/** `hotpath load compare before.json after.json`: 0 when nothing is worse, else 99. */
export async function compareCommand(
  { positionals, directory, terminal }: CommandInput,
  flags: LoadFlags,
): Promise<number> {
  const [, first, second] = positionals;
  if (first === undefined || second === undefined)
    throw misused("hotpath load compare takes two results: before.json after.json.");
  const [before, after] = await Promise.all([
    readResult(resolve(directory, first)),
    readResult(resolve(directory, second)),
  ]);
  const percent = Number(flags.text("tolerance") ?? DEFAULT_TOLERANCE * 100);
  if (!(percent >= 0 && percent < 100)) throw misused("--tolerance is a percentage below 100.");
  const comparisons = compareRuns(before, after, { tolerance: percent / 100, failureTolerance: FAILURE_TOLERANCE });
  const isWorse = comparisons.some(({ verdict }) => verdict === "worse");
  const lines = comparisons.map((comparison) => toLine(comparison, (text) => terminal.red(text)));
  const isShort = [before, after].some(({ points }) => points.length < LEAST_POINTS);
  terminal.out(
    [
      `  ${"".padEnd(12)}${"before".padStart(12)}${"after".padStart(12)}${"change".padStart(10)}   95% confidence`,
      ...lines,
      "",
      ...(isShort ? [`  A run of less than ${LEAST_POINTS} seconds says little about how its figures vary.`] : []),
      ...[before, after].flatMap(({ warnings }, at) =>
        warnings.map((warning) => `  ${at === 0 ? "before" : "after"}: ${warning}`),
      ),
      `  ${isWorse ? terminal.red("worse") : comparisons.some(({ verdict }) => verdict === "better") ? "better" : comparisons.every(({ verdict }) => verdict === "same") ? `the same, within ${percent}%` : "no difference is shown"}`,
      "",
    ].join("\n"),
  );
  return isWorse ? WORSE : 0;
}

function toLine(
  { name, unit, before, after, change, low, high, verdict }: Comparison,
  red: (text: string) => string,
): string {
  const value = (given: number): string =>
    unit === "ms" ? formatMs(given) : unit === "share" ? formatPercent(given) : String(Math.round(given));
  const delta = (given: number): string => {
    const share = unit === "share" ? given : given - 1;
    return `${share >= 0 ? "+" : ""}${(share * 100).toFixed(unit === "share" ? 2 : 1)}%`;
  };
  const words = { better: "better", worse: red("worse"), same: "the same", unclear: "no difference shown" }[verdict];
  return `  ${name.padEnd(12)}${value(before).padStart(12)}${value(after).padStart(12)}${delta(change).padStart(10)}   ${delta(low)} to ${delta(high)}: ${words}`;
}

/** @throws HotpathError HP_LOAD_FAILED */
export async function readResult(file: string): Promise<LoadResult> {
  try {
    const result = JSON.parse(await readFile(file, "utf8")) as Partial<LoadResult> | null;
    if (result?.format === "hotpath-load/1" && Array.isArray(result.points)) return result as LoadResult;
  } catch (error) {
    throw new HotpathError(
      "HP_LOAD_FAILED",
      `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
  throw new HotpathError("HP_LOAD_FAILED", `${file} is no result that hotpath load --json has written.`);
}
