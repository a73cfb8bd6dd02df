import type { Setting } from "./setting.ts";
import { SETTINGS } from "./table.ts";
import type { SettingValues } from "./values.ts";

/** The settings that apply, in the form of a configuration file, secrets included: what PostgREST's `--dump-config` prints. */
export function dumpSettings(values: SettingValues): string {
  const shown = SETTINGS.filter(({ name, isLater }) => isLater !== true || values.given(name) !== undefined);
  const lines = shown.map((setting) => `${setting.name} = ${format(setting, textOf(setting, values))}`);
  const app = [...values.app].map(([name, { value }]) => `${name} = ${quote(value)}`);
  return `${[...lines, ...app].join("\n")}\n`;
}

function textOf({ name }: Setting, values: SettingValues): string {
  if (name === "jwt-role-claim-key") return quoteNames(values.get(name));
  if (name === "admin-server-host") return values.get(name) || values.get("server-host");
  return values.get(name);
}

/** Numbers and booleans stand without quotes; none is an empty text, whatever the type. */
function format({ type }: Setting, text: string): string {
  return text !== "" && (type === "boolean" || type === "integer") ? text : quote(text);
}

/** Escaped so that reading it again gives the same text. */
function quote(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&").replaceAll("\n", "\\n").replaceAll("$", "$$$$")}"`;
}

/** Names of a JSPath stand in quotes; a path that begins with `$` is another grammar. */
function quoteNames(path: string): string {
  if (path.startsWith("$")) return path;
  const comparison = /\[\?\(@\s*(\S+?)\s*"([^"]*)"\)\]$/u;
  const [, operator, operand] = comparison.exec(path) ?? [];
  const steps = path.replace(comparison, "").replace(/\.([\p{L}\p{N}_$@]+)/gu, '."$1"');
  return operator === undefined ? steps : `${steps}[?(@ ${operator} "${operand}")]`;
}
