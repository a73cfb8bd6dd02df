import { HotpathError } from "../errors.ts";
import type { Terminal } from "./terminal.ts";

const USAGE_CODES: ReadonlySet<string> = new Set([
  "HP_OPTION_UNKNOWN",
  "HP_OPTION_INVALID",
  "HP_ARGUMENT_INVALID",
  "HP_COMMAND_UNKNOWN",
  "HP_CONFIG_MISSING",
  "HP_CONFIG_INVALID",
]);

/** Writes what happened and what to do about it; the stack only where HOTPATH_DEBUG is set. */
export function reportError(
  error: unknown,
  terminal: Terminal,
  environment: Readonly<Record<string, string | undefined>>,
): void {
  const lines = isOurs(error)
    ? [`${terminal.red("hotpath:")} ${error.message}`, `  ${error.todo} (${error.code})`]
    : [`${terminal.red("hotpath:")} ${withoutPasswords(error instanceof Error ? error.message : String(error))}`];
  if (environment["HOTPATH_DEBUG"]) lines.push(withoutPasswords(stackOf(error)));
  else if (!isOurs(error)) lines.push("  Set HOTPATH_DEBUG=1 to see where this comes from.");
  terminal.err(`${lines.join("\n")}\n`);
}

/** 2 when the user's input was at fault, else 1. */
export function exitStatus(error: unknown): 1 | 2 {
  return isOurs(error) && USAGE_CODES.has(error.code) ? 2 : 1;
}

/** By name too: a config file may bring another copy of the package, with a class of its own. */
function isOurs(error: unknown): error is HotpathError {
  return error instanceof HotpathError || (error instanceof Error && error.name === "HotpathError");
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? "" : `\ncaused by: ${stackOf(error.cause)}`;
  return (error.stack ?? error.message) + cause;
}

function withoutPasswords(text: string): string {
  return text.replace(/(\w:\/\/[^\s:@/]*):[^\s@]*@/g, "$1:…@");
}
