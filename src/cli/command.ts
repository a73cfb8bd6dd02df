import type { OptionScope } from "../api/option-table.ts";
import type { Terminal } from "./terminal.ts";

/** One command of the command line: what it takes, for the parser and `--help`, and what it does. */
export interface Command {
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  /** Forms of the command line, each without `hotpath`. */
  readonly usage: readonly string[];
  /** Arguments that are no flags, in order; all may be left out. */
  readonly positionals: readonly NamedValue[];
  /** Flags of this command alone. */
  readonly flags: readonly CommandFlag[];
  /** Parts of the option table whose flags the command takes. */
  readonly scopes: readonly OptionScope[];
  readonly examples: readonly string[];
  /** Resolves when the command is done; a server command, when it was told to stop. A number is its exit status. */
  run(input: CommandInput): Promise<number | void>;
}

export interface NamedValue {
  readonly name: string;
  readonly description: string;
}

export interface CommandFlag extends NamedValue {
  /** Placeholder of the value in `--help`; absent: the flag takes none. */
  readonly value?: string;
  /** One letter that stands for it, without `-`. */
  readonly short?: string;
  /** May be given several times: the values stand in lines. */
  readonly isRepeatable?: boolean;
}

/** What a command gets to work with. */
export interface CommandInput {
  readonly positionals: readonly string[];
  /** The command's own flags that were given, by name. */
  readonly own: ReadonlyMap<string, string | boolean>;
  /** Flags of the option table that were given, by name. */
  readonly flags: ReadonlyMap<string, string | boolean>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Working directory, which relative paths start from. */
  readonly directory: string;
  readonly terminal: Terminal;
}
