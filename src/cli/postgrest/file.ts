import { HotpathError } from "../../errors.ts";

/**
 * Reads PostgREST's configuration file: lines of `key = value`, where a value is a quoted text, a number or a boolean, and
 * `#` begins a comment. In a text, `$(NAME)` stands for a variable of the environment and `$$` for `$`.
 *
 * @throws HotpathError HP_CONFIG_INVALID (names file and line, never the value: it may be a secret)
 */
export function parsePostgrestFile(
  text: string,
  path: string,
  environment: Readonly<Record<string, string | undefined>>,
): Map<string, string> {
  const settings = new Map<string, string>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*(#.*)?$/.test(line)) continue;
    const match = /^\s*([A-Za-z][\w.-]*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|(-?\d+(?:\.\d+)?|[A-Za-z]+))\s*(?:#.*)?$/.exec(
      line,
    );
    const [, name, quoted, bare] = match ?? [];
    if (name === undefined) {
      throw new HotpathError("HP_CONFIG_INVALID", `${path}:${index + 1} is not of the form: key = "value".`, {
        todo: "Write texts in double quotes, and a backslash before a double quote inside one.",
      });
    }
    settings.set(name, bare === undefined ? interpolate(unescape(quoted!), environment) : (SWITCHES[bare] ?? bare));
  }
  return settings;
}

/** Other words for booleans. */
const SWITCHES: Readonly<Record<string, string>> = { on: "true", off: "false" };

function unescape(text: string): string {
  return text.replace(/\\(.)/g, (_match, character: string) =>
    character === "n" ? "\n" : character === "t" ? "\t" : character === "r" ? "\r" : character,
  );
}

function interpolate(text: string, environment: Readonly<Record<string, string | undefined>>): string {
  return text.replace(/\$\$|\$\(([^)]*)\)/g, (match, name?: string) =>
    match === "$$" ? "$" : (environment[name!] ?? ""),
  );
}
