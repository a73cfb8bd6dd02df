import { readFile, writeFile } from "node:fs/promises";
import type { ScenarioResult } from "./context.ts";
import { formatMarkdownTable } from "./table.ts";

const README = new URL("README.md", import.meta.url);
const BEGIN = "<!-- results: each written by the command it names -->";
const END = "<!-- end of results -->";

/** A scenario that has run. */
export interface Finished {
  readonly name: string;
  readonly summary: string;
  readonly result: ScenarioResult;
}

/** Replaces the results of these scenarios in README.md; those of others stay. Each says where it comes from. */
export async function writeResults(
  results: readonly Finished[],
  facts: { readonly command: string; readonly machine: string; readonly date: string },
): Promise<void> {
  const text = await readFile(README, "utf8");
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin === -1 || end < begin) throw new Error("README.md has lost the comments that enclose its results");
  const sections = sectionsOf(text.slice(begin + BEGIN.length, end));
  for (const finished of results) sections.set(finished.name, format(finished, facts));
  const middle = [BEGIN, ...sections.values(), ""].join("\n\n");
  await writeFile(README, text.slice(0, begin) + middle + text.slice(end));
}

function format(
  { name, summary, result }: Finished,
  { command, machine, date }: { readonly command: string; readonly machine: string; readonly date: string },
): string {
  const source = `\`${command}\`, ${date}. ${machine}.`;
  return [`### ${name}`, summary, source, formatMarkdownTable(result.table), ...result.notes].join("\n\n");
}

/** The sections by their names, in their order. */
function sectionsOf(text: string): Map<string, string> {
  const sections = new Map<string, string>();
  for (const part of text.split(/^(?=### )/m)) {
    const name = /^### (.+)$/m.exec(part)?.[1];
    if (name !== undefined) sections.set(name, part.trim());
  }
  return sections;
}
