import { PUBLIC_OPTIONS, type Option } from "../api/option-table.ts";
import { optionSections, placeholderOf } from "../api/option-words.ts";
import type { Command } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import type { Terminal } from "./terminal.ts";

const NAME_WIDTH = 34;
const LINE_WIDTH = 118;

/** What `hotpath --help` prints. */
export async function renderHelp(terminal: Terminal): Promise<string> {
  const loaded = await Promise.all(COMMANDS.map((entry) => entry.load()));
  const commands = loaded.map(({ name, summary }) => `  ${name.padEnd(12)}${summary}`);
  return [
    "hotpath makes an API fast: PostgreSQL as an HTTP API with caching validators, compression, pooling and metrics.",
    "",
    terminal.bold("Usage"),
    "  hotpath COMMAND [flags]",
    "  hotpath help COMMAND",
    "  hotpath --version",
    "",
    terminal.bold("Commands"),
    ...commands,
    "",
    terminal.bold("Exit status"),
    "  0 done, or stopped on request   1 failed   2 wrong command, flag, option or config file",
    "  130, 143 ended at once by a second SIGINT or SIGTERM",
    "",
  ].join("\n");
}

/** What `hotpath COMMAND --help` prints: usage, flags by section from the option table, examples. */
export function renderCommandHelp(command: Command, terminal: Terminal): string {
  const section = (title: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : [terminal.bold(title), ...lines, ""];
  const own = [
    ...command.positionals.map(({ name, description }) => renderLine(name, description)),
    ...command.flags.map(({ name, value, short, description }) =>
      renderLine(
        `${short === undefined ? "" : `-${short}, `}--${name}${value === undefined ? "" : ` ${value}`}`,
        description,
      ),
    ),
    renderLine("-h, --help", "Show this."),
  ];
  const options = PUBLIC_OPTIONS.filter((option) => command.scopes.includes(option.scope));
  const notes =
    options.length === 0
      ? []
      : [
          "Every flag is also a variable (--port is HOTPATH_PORT) and an option of the config file; a flag comes before a",
          "variable, a variable before the file. Durations: 500ms, 30s, 5m, 1h. Sizes: 4096, 64KiB, 1MB. Lists: a,b,c.",
          "",
        ];
  return [
    command.summary,
    "",
    ...section(
      "Usage",
      command.usage.map((line) => `  hotpath ${line}`),
    ),
    ...section("Arguments and flags", own),
    ...optionSections(options).flatMap(([title, rows]) => section(title, rows.map(renderOption))),
    ...notes,
    ...section(
      "Examples",
      command.examples.map((line) => `  ${line}`),
    ),
  ].join("\n");
}

function renderOption(option: Option): string {
  if (option.type === "boolean") {
    return renderLine(`--[no-]${option.flag}`, `${option.description} [${option.default === true ? "on" : "off"}]`);
  }
  const initial = Array.isArray(option.default) ? option.default.join(",") : option.default;
  const shown = initial === null || initial === "" ? "" : ` [${String(initial)}]`;
  return renderLine(`--${option.flag} ${placeholderOf(option)}`, option.description + shown);
}

/** Name and description in two columns; the second wraps, and begins a line of its own below a long name. */
function renderLine(name: string, description: string): string {
  const start = `  ${name} `;
  const margin = " ".repeat(NAME_WIDTH);
  const lines = wrap(description.replaceAll("`", ""), LINE_WIDTH - NAME_WIDTH);
  const first = start.length <= NAME_WIDTH ? start.padEnd(NAME_WIDTH) : `${start.trimEnd()}\n${margin}`;
  return first + lines.join(`\n${margin}`);
}

function wrap(text: string, width: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1)!;
    if (line !== "" && line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  return lines;
}
