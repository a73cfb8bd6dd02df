import { HotpathError } from "../../errors.ts";
import { arrayText } from "../batch/values.ts";

/**
 * A value as the text PostgreSQL reads: dates as ISO 8601, bytes as `\x…`, lists as arrays, other objects as JSON.
 *
 * @throws HotpathError HP_SQL_FAILED for what has no text, such as a function
 */
export function toParameterText(value: unknown): string | null {
  switch (typeof value) {
    case "string":
      return value;
    case "number":
    case "bigint":
    case "boolean":
      return String(value);
    case "undefined":
      return null;
    case "object":
      return value === null ? null : fromObject(value);
    default:
      throw new HotpathError("HP_SQL_FAILED", `A ${typeof value} cannot be a value of a statement.`);
  }
}

function fromObject(value: object): string {
  if (Array.isArray(value)) return listText(value);
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString("hex")}`;
  return JSON.stringify(value);
}

/** Of lists in lists PostgreSQL wants the braces bare. */
function listText(values: readonly unknown[]): string {
  if (values.some(Array.isArray)) return `{${values.map((value) => toParameterText(value) ?? "NULL").join(",")}}`;
  return arrayText(values.map(toParameterText));
}
