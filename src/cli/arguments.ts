import { nearest } from "../api/nearest.ts";
import { PUBLIC_OPTIONS } from "../api/option-table.ts";
import { unknown } from "../api/options.ts";
import { HotpathError } from "../errors.ts";
import type { Command, CommandInput } from "./command.ts";

// As an import it would load what all of its exports stand on: 40 modules of Node.
const { parseArgs } = process.getBuiltinModule("node:util");

export type ParsedArguments = Pick<CommandInput, "positionals" | "own" | "flags"> & { readonly wantsHelp: boolean };

/**
 * Reads what follows the command's name. A flag given twice counts once, the last time; for a list the values add up.
 *
 * @throws HotpathError HP_OPTION_UNKNOWN for a flag (names the nearest), HP_OPTION_INVALID for a flag without its value,
 * HP_ARGUMENT_INVALID for more arguments than the command takes
 */
export function parseArguments(command: Command, argv: readonly string[]): ParsedArguments {
  const kinds = flagKinds(command);
  const { tokens } = parseArgs({
    args: [...argv],
    options: Object.fromEntries([...kinds].map(([name, kind]) => [name, toParsed(command, name, kind)])),
    strict: false,
    tokens: true,
  });
  const own = new Map<string, string | boolean>();
  const flags = new Map<string, string | boolean>();
  const positionals: string[] = [];
  let wantsHelp = false;
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    if (token.rawName === "-h" || token.rawName === "--help") wantsHelp = true;
    else {
      const [name, value] = readFlag(token.rawName, token.name, token.value, kinds);
      const target = command.flags.some((flag) => flag.name === name) ? own : flags;
      const joint = JOINTS[kinds.get(name) ?? "none"];
      const before = joint === undefined ? undefined : target.get(name);
      target.set(name, before === undefined ? value : `${before}${joint}${value}`);
    }
  }
  if (positionals.length > command.positionals.length && !wantsHelp) throw tooMany(command, positionals);
  return { positionals, own, flags, wantsHelp };
}

type FlagKind = "none" | "one" | "list" | "lines";

/** What stands between values of a flag that was given several times. */
const JOINTS: Readonly<Partial<Record<FlagKind, string>>> = { list: ",", lines: "\n" };

function toParsed(command: Command, name: string, kind: FlagKind): { type: "boolean" | "string"; short?: string } {
  const short = command.flags.find((flag) => flag.name === name)?.short;
  return { type: kind === "none" ? "boolean" : "string", ...(short === undefined ? {} : { short }) };
}

function flagKinds(command: Command): Map<string, FlagKind> {
  const kinds = new Map<string, FlagKind>([["help", "none"]]);
  for (const flag of command.flags) {
    kinds.set(flag.name, flag.value === undefined ? "none" : flag.isRepeatable === true ? "lines" : "one");
  }
  for (const option of PUBLIC_OPTIONS) {
    if (!command.scopes.includes(option.scope)) continue;
    kinds.set(option.flag, option.type === "boolean" ? "none" : option.type === "list" ? "list" : "one");
  }
  return kinds;
}

function readFlag(
  rawName: string,
  name: string,
  value: string | undefined,
  kinds: ReadonlyMap<string, FlagKind>,
): [string, string | boolean] {
  const kind = kinds.get(name);
  if (kind === "none") {
    if (value !== undefined) throw invalid(`--${name} takes no value: give --${name} or --no-${name}.`);
    return [name, true];
  }
  if (kind !== undefined) {
    if (value === undefined || value === "") throw invalid(`--${name} needs a value.`);
    return [name, value];
  }
  const positive = name.replace(/^no-/, "");
  if (positive !== name && kinds.get(positive) === "none" && value === undefined) return [positive, false];
  const suggestion = nearest(name, kinds.keys());
  throw unknown(`The flag ${rawName}`, suggestion && `--${suggestion}`);
}

function tooMany(command: Command, positionals: readonly string[]): HotpathError {
  const extra = JSON.stringify(positionals[command.positionals.length]);
  const limit =
    ["no argument", "one argument"][command.positionals.length] ?? `${command.positionals.length} arguments at most`;
  return new HotpathError("HP_ARGUMENT_INVALID", `hotpath ${command.name} takes ${limit}; ${extra} is one too many.`);
}

function invalid(message: string): HotpathError {
  return new HotpathError("HP_OPTION_INVALID", message);
}
