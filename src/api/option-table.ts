import type { OptionRow } from "./option-row.ts";
import { POSTGRES_OPTIONS } from "./postgres-options.ts";
import { SERVER_OPTIONS } from "./server-options.ts";
import { UPSTREAM_OPTIONS } from "./upstream-options.ts";

export type OptionScope = "server" | "postgres" | "upstream";

/** A row with the names that follow from its path. */
export interface Option extends OptionRow {
  readonly scope: OptionScope;
  /** Without `--`. */
  readonly flag: string;
  /** `HOTPATH_…`. */
  readonly env: string;
  /** Where the value stands in the settings: the path, with `Ms` where it is a duration. */
  readonly settingsPath: readonly string[];
}

/** Every option, in the order of the documentation. */
export const OPTIONS: readonly Option[] = Object.freeze([
  ...SERVER_OPTIONS.map((row) => withNames("server", row)),
  ...POSTGRES_OPTIONS.map((row) => withNames("postgres", row)),
  ...UPSTREAM_OPTIONS.map((row) => withNames("upstream", row)),
]);

/** Options that have a flag, a variable and a place in the documentation. */
export const PUBLIC_OPTIONS: readonly Option[] = Object.freeze(OPTIONS.filter((option) => !option.internal));

/** Variables that are no options: they say where the options come from. */
export const ENVIRONMENT_ONLY: Readonly<Record<string, string>> = Object.freeze({
  HOTPATH_CONFIG: "The config file, as `--config` names it.",
  HOTPATH_DATABASE_URL: "What `hotpath serve` serves when it is given neither a URL nor a config file.",
  HOTPATH_DEBUG: "Set to anything: errors of the command line carry their stack.",
});

function withNames(scope: OptionScope, row: OptionRow): Option {
  const segments = row.path.split(".");
  const last = segments.at(-1)! + (row.type === "duration" ? "Ms" : "");
  const prefix = scope === "upstream" ? "upstream-" : "";
  const flag = row.flag ?? prefix + toKebab(row.path.replace(/^server\./, ""));
  const env = `HOTPATH_${flag.toUpperCase().replaceAll("-", "_")}`;
  return Object.freeze({ ...row, scope, flag, env, settingsPath: Object.freeze([...segments.slice(0, -1), last]) });
}

function toKebab(path: string): string {
  return path.replaceAll(".", "-").replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
