import { nearest } from "../api/nearest.ts";
import { HotpathError } from "../errors.ts";
import { VERSION } from "../version.ts";
import { parseArguments } from "./arguments.ts";
import type { Command } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { renderCommandHelp, renderHelp } from "./help.ts";
import { exitStatus, reportError } from "./report.ts";
import { createTerminal } from "./terminal.ts";

/**
 * Runs one command line and answers the exit status: 0 done or stopped on request, 1 failed, 2 wrong command, flag,
 * option or config file. Never throws; errors are written to standard error.
 */
export async function runCommandLine(argv: readonly string[]): Promise<number> {
  const terminal = createTerminal(process.env);
  // A fault of ours outside any request: reported like every error, without a stack, and the end of the process.
  process.once("uncaughtException", (error) => {
    reportError(error, terminal, process.env);
    process.exit(1);
  });
  try {
    const [name = "help", ...rest] = argv;
    if (name === "--version" || name === "-v") terminal.out(`${VERSION}\n`);
    else if (name === "help" || name === "--help" || name === "-h") {
      const [topic] = rest;
      terminal.out(topic === undefined ? await renderHelp(terminal) : renderCommandHelp(await load(topic), terminal));
    } else {
      const command = await load(name);
      const { wantsHelp, ...given } = parseArguments(command, rest);
      if (wantsHelp) terminal.out(renderCommandHelp(command, terminal));
      else {
        const status = await command.run({ ...given, environment: process.env, directory: process.cwd(), terminal });
        return status ?? 0;
      }
    }
    return 0;
  } catch (error) {
    reportError(error, terminal, process.env);
    return exitStatus(error);
  }
}

async function load(name: string): Promise<Command> {
  const entry = COMMANDS.find((command) => command.name === name);
  if (entry) return entry.load();
  const isUrl = /^[a-z]+:\/\//i.test(name);
  const suggestion = isUrl ? "serve URL" : nearest(name, [...COMMANDS.map((command) => command.name), "help"]);
  // A URL may hold a password.
  const subject = isUrl ? "A URL is no command." : `There is no command ${JSON.stringify(name)}.`;
  const hint = suggestion === undefined ? "" : ` Did you mean hotpath ${suggestion}?`;
  throw new HotpathError("HP_COMMAND_UNKNOWN", subject + hint);
}
