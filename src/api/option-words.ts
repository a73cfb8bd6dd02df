import { isNullable } from "./option-value.ts";
import type { OptionType } from "./option-row.ts";
import type { Option } from "./option-table.ts";

const SECTIONS: readonly (readonly [prefix: string, title: string])[] = [
  ["server:server.", "Server"],
  ["server:admin.", "Admin listener"],
  ["server:http.", "HTTP"],
  ["server:compression.", "Compression"],
  ["server:auth.", "Authentication"],
  ["server:cors.", "CORS"],
  ["server:log.", "Log"],
  ["postgres:pool.", "Connection pool"],
  ["postgres:", "PostgreSQL"],
  ["upstream:", "Upstream"],
];

/** Options under the headings of `--help` and docs/options.md, in the table's order; empty sections are left out. */
export function optionSections(options: readonly Option[]): [title: string, options: Option[]][] {
  const sections = new Map<string, Option[]>();
  for (const option of options) {
    const title = SECTIONS.find(([prefix]) => `${option.scope}:${option.path}`.startsWith(prefix))?.[1] ?? "Other";
    const section = sections.get(title);
    if (section) section.push(option);
    else sections.set(title, [option]);
  }
  return [...sections];
}

/** What stands for an option's value in `--help`: `N`, `DURATION|none`, `debug|info`. */
export function placeholderOf(option: Option): string {
  const word = option.type === "choice" ? choiceWord(option.choices!) : (WORDS[option.type] ?? "TEXT");
  return isNullable(option) && option.default !== null ? `${word}|none` : word;
}

const WORDS: Readonly<Partial<Record<OptionType, string>>> = {
  integer: "N",
  bytes: "SIZE",
  duration: "DURATION",
  list: "LIST",
  path: "FILE",
};

function choiceWord(choices: readonly string[]): string {
  const all = choices.join("|");
  return all.length <= 40 ? all : "NAME";
}
