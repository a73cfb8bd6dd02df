import { HotpathError } from "../errors.ts";
import type { OptionRow, OptionType, OptionValue } from "./option-row.ts";

const BYTE_UNITS: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
};
const DURATION_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1e3, m: 6e4, h: 36e5, d: 864e5 };

const EXAMPLES: Readonly<Partial<Record<OptionType, string>>> = {
  bytes: " (4096, 64KiB, 1MB)",
  duration: " (500ms, 30s, 5m, 1h)",
};

/**
 * Checks one value and brings it into the form of the settings: bytes and milliseconds as numbers, lists frozen.
 *
 * @param origin where the value came from, as a user would name it: `--port`, `HOTPATH_PORT`, `server.port`
 * @param isText the value was written as text (flag, variable), where `none` stands for `null`, and commas part a list
 * @throws HotpathError HP_OPTION_INVALID, saying what was received and what is allowed
 */
export function toSetting(row: OptionRow, value: unknown, origin: string, isText: boolean): OptionValue {
  if (isNullable(row) && (value === null || (isText && value === "none"))) return null;
  const setting = isText ? fromText(row, String(value)) : fromValue(row, value);
  if (setting === undefined || !isAllowed(row, setting)) throw invalid(row, value, origin);
  return Array.isArray(setting) ? Object.freeze(setting) : setting;
}

/** What an option accepts, in words: `an integer from 0 to 65535`. */
export function describeAllowed(row: OptionRow): string {
  const words = describeType(row);
  return isNullable(row) ? `${words}, or none` : words;
}

/** Whether `null` may be given. */
export function isNullable(row: OptionRow): boolean {
  return row.default === null || row.nullable === true;
}

function describeType(row: OptionRow): string {
  const range = row.min === undefined ? "" : ` from ${row.min} to ${row.max}`;
  switch (row.type) {
    case "integer":
      return `an integer${range}`;
    case "bytes":
      return `a size${range}`;
    case "duration":
      return `a duration${range}`;
    case "boolean":
      return "true or false";
    case "choice":
      return `one of ${row.choices!.join(", ")}`;
    case "list":
      return `a list of ${row.choices?.join(", ") ?? row.pattern?.words ?? "texts"}`;
    case "path":
      return "a file's path";
    default:
      return row.pattern?.words ?? "a text";
  }
}

function fromText(row: OptionRow, text: string): OptionValue | undefined {
  switch (row.type) {
    case "integer":
      return /^-?\d{1,15}$/.test(text) ? Number(text) : undefined;
    case "bytes":
      return parseBytes(text);
    case "duration":
      return parseDuration(text);
    case "boolean":
      return text === "true" || text === "1" ? true : text === "false" || text === "0" ? false : undefined;
    case "list":
      return text === "none" && row.min === 0 ? [] : text.split(",").map((entry) => entry.trim());
    default:
      return text;
  }
}

function fromValue(row: OptionRow, value: unknown): OptionValue | undefined {
  switch (row.type) {
    case "integer":
      return Number.isSafeInteger(value) ? (value as number) : undefined;
    case "bytes":
      return typeof value === "string" ? parseBytes(value) : toWhole(value);
    case "duration":
      return typeof value === "string" ? parseDuration(value) : toWhole(value);
    case "boolean":
      return typeof value === "boolean" ? value : undefined;
    case "list":
      return Array.isArray(value) && value.every((entry) => typeof entry === "string") ? [...value] : undefined;
    default:
      return typeof value === "string" ? value : undefined;
  }
}

function isAllowed(row: OptionRow, setting: OptionValue): boolean {
  if (typeof setting === "number") return isInRange(row, setting);
  if (typeof setting === "string") {
    if (row.type === "choice") return row.choices!.includes(setting);
    return setting !== "" && !setting.includes("\0") && (row.pattern?.expression.test(setting) ?? true);
  }
  if (!Array.isArray(setting)) return true;
  const entries = setting as readonly string[];
  if (!isInRange(row, entries.length) || new Set(entries).size !== entries.length) return false;
  return entries.every(
    (entry) => entry !== "" && (row.choices?.includes(entry) ?? true) && (row.pattern?.expression.test(entry) ?? true),
  );
}

function isInRange(row: OptionRow, number: number): boolean {
  return number >= toBound(row, row.min ?? -Infinity) && number <= toBound(row, row.max ?? Infinity);
}

function toBound(row: OptionRow, bound: string | number): number {
  if (typeof bound === "number") return bound;
  return (row.type === "bytes" ? parseBytes(bound) : parseDuration(bound))!;
}

/** `4096`, `64KiB` (1024) or `1MB` (1000) to bytes. */
function parseBytes(text: string): number | undefined {
  return parseWithUnit(text, BYTE_UNITS);
}

/** `500ms`, `30s`, `5m`, `1h`, `7d` or `0` to milliseconds: a bare number would leave the unit to be guessed. */
export function parseDuration(text: string): number | undefined {
  return text === "0" ? 0 : parseWithUnit(text, DURATION_UNITS);
}

function parseWithUnit(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const match = /^(\d{1,15}(?:\.\d{1,6})?) ?([a-z]*)$/i.exec(text);
  const unit = units[match?.[2]?.toLowerCase() ?? " "];
  return match && unit !== undefined ? toWhole(Math.round(Number(match[1]) * unit)) : undefined;
}

function toWhole(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined;
}

function invalid(row: OptionRow, value: unknown, origin: string): HotpathError {
  const received = row.secret ? "a value that is not shown here" : describeReceived(value);
  const allowed = describeAllowed(row) + (EXAMPLES[row.type] ?? "");
  return new HotpathError("HP_OPTION_INVALID", `${origin} must be ${allowed}; received ${received}.`);
}

function describeReceived(value: unknown): string {
  if (Array.isArray(value) && value.every((entry) => typeof entry === "string")) return shorten(JSON.stringify(value));
  if (typeof value === "string") return shorten(JSON.stringify(value));
  if (typeof value === "function") return "a function";
  return typeof value === "object" && value !== null ? "an object" : String(value);
}

function shorten(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
