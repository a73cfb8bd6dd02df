import { nearest } from "../../api/nearest.ts";
import { HotpathError } from "../../errors.ts";
import type { Setting } from "./setting.ts";
import { SETTINGS } from "./table.ts";

/** A setting as given, and where: `PGRST_DB_POOL`, `db-pool in FILE`, `pgrst.db_pool in the database`. */
export interface GivenSetting {
  readonly value: string;
  readonly origin: string;
}

/** Settings by name, such as `db-uri`, older names and `app.settings.…` among them. */
export type GivenSettings = ReadonlyMap<string, GivenSetting>;

/** The texts that apply, each in the one form of its type, and those of them that somebody gave. */
export interface SettingValues {
  readonly get: (name: string) => string;
  /** Only where it was given, and is of the setting's type. */
  readonly given: (name: string) => GivenSetting | undefined;
  /** `app.settings.…`, by whole name. */
  readonly app: ReadonlyMap<string, GivenSetting>;
  /** One line for each setting that has no effect. */
  readonly warnings: readonly string[];
}

const APP_PREFIX = "app.settings.";

/**
 * Reads texts by the table. As PostgREST does, it leaves out what is not of a setting's type, but says so.
 *
 * @throws HotpathError HP_OPTION_INVALID
 */
export function readValues(given: GivenSettings): SettingValues {
  const warnings: string[] = [];
  const values = new Map<string, GivenSetting>();
  for (const setting of SETTINGS) {
    const found = givenFor(setting, given);
    if (found === undefined) continue;
    const value = toType(setting, found.value);
    if (value === undefined) {
      const applied = setting.default === "" ? "none" : setting.default;
      warnings.push(
        `${found.origin} is no ${WORDS[setting.type]} and has no effect; the default applies (${applied}).`,
      );
      continue;
    }
    const wrong = setting.check?.(value);
    if (wrong !== undefined) throw invalid(found.origin, wrong);
    values.set(setting.name, { ...found, value });
    if (setting.unsupported !== undefined && value !== setting.default) {
      warnings.push(`${found.origin} ${setting.unsupported}.`);
    }
  }
  const app = new Map([...given].filter(([name]) => name.startsWith(APP_PREFIX)));
  const get = (name: string): string => values.get(name)?.value ?? settingOf(name).default;
  const port = get("server-port");
  if (port === get("admin-server-port") && port !== "0") {
    throw invalid(values.get("admin-server-port")!.origin, "admin-server-port cannot be the same as server-port");
  }
  return { get, given: (name) => values.get(name), app, warnings: [...warnings, ...unknownSettings(given)] };
}

/** A setting's row. */
export function settingOf(name: string): Setting {
  const found = SETTINGS.find((setting) => setting.name === name);
  if (found === undefined) throw new Error(`no setting ${name}`);
  return found;
}

const WORDS: Readonly<Record<Setting["type"], string>> = {
  text: "text",
  list: "list",
  boolean: "boolean",
  integer: "whole number",
};

/** An empty text counts as none, mostly; then the older name may have a value. */
function givenFor({ name, alias, isEmptyable }: Setting, given: GivenSettings): GivenSetting | undefined {
  const names = alias === undefined ? [name] : [name, alias];
  for (const each of names) {
    const found = given.get(each);
    if (found !== undefined && (found.value !== "" || isEmptyable === true)) return found;
  }
  return undefined;
}

function toType({ type }: Setting, text: string): string | undefined {
  switch (type) {
    case "boolean":
      return toBoolean(text);
    case "integer":
      return /^\s*-?\d{1,15}\s*$/.test(text) ? String(Number(text)) : undefined;
    case "list":
      return text === ""
        ? ""
        : text
            .split(",")
            .map((entry) => entry.trim())
            .join(",");
    default:
      return text;
  }
}

/** Whatever letters are in a text, or else a number of which all above zero are true. */
function toBoolean(text: string): string | undefined {
  const letters = text.replace(/[^A-Za-z]/g, "").toLowerCase();
  if (letters === "true" || letters === "false") return letters;
  return /^-?\d+$/.test(text) ? String(Number(text) > 0) : undefined;
}

function unknownSettings(given: GivenSettings): readonly string[] {
  const names = SETTINGS.flatMap(({ name, alias }) => (alias === undefined ? [name] : [name, alias]));
  const known = new Set(names);
  return [...given].flatMap(([name, { origin }]) => {
    if (known.has(name) || name.startsWith(APP_PREFIX)) return [];
    const suggestion = nearest(name, names);
    const hint = suggestion === undefined ? "" : ` Did you mean ${asWritten(suggestion, origin)}?`;
    return `${origin} is not a setting that hotpath knows; it has no effect.${hint}`;
  });
}

function asWritten(name: string, origin: string): string {
  return origin.startsWith("PGRST_") ? `PGRST_${name.toUpperCase().replaceAll("-", "_")}` : name;
}

function invalid(origin: string, wrong: string): HotpathError {
  return new HotpathError("HP_OPTION_INVALID", `${origin}: ${wrong}`, {
    todo: "See PostgREST's documentation of the setting.",
  });
}
