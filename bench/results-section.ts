import { readFile, writeFile } from "node:fs/promises";
import type { ScenarioResult } from "./context.ts";
import { formatMarkdownTable } from "./table.ts";

const README = new URL("README.md", import.meta.url);
const BEGIN = "<!-- results: written by the command below -->";
const END = "<!-- end of results -->";

/** Replaces the results in README.md. */
export async function writeResults(
  results: readonly { readonly name: string; readonly summary: string; readonly result: ScenarioResult }[],
  facts: { readonly command: string; readonly machine: string; readonly date: string },
): Promise<void> {
  const text = await readFile(README, "utf8");
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin === -1 || end < begin) throw new Error("README.md has lost the comments that enclose its results");
  const sections = results.map(({ name, summary, result }) =>
    [`### ${name}`, summary, formatMarkdownTable(result.table), ...result.notes].join("\n\n"),
  );
  const intro = `\`${facts.command}\`, ${facts.date}\n\n${facts.machine}.`;
  const middle = [BEGIN, intro, ...sections, ""].join("\n\n");
  await writeFile(README, text.slice(0, begin) + middle + text.slice(end));
}
