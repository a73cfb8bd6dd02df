import { rememberLast } from "./remember-last.ts";

/** The `Vary` field (RFC 9110 section 12.5.5). */

/** Adds a field name to a `Vary` value unless it is there in any letter case or the value is `*`. */
export function addVary(current: string | readonly string[] | undefined, field: string): string {
  if (current === undefined || current.length === 0) return field;
  const value = typeof current === "string" ? current : current.join(", ");
  if (value === field) return value;
  const names = parseVary(value);
  if (names === "*") return "*";
  if (names.length === 0) return field;
  return names.includes(field.toLowerCase()) ? value : `${value}, ${field}`;
}

/** The field names of a `Vary` value in lower case, each once, or `*` when the value contains it. */
export const parseVary: (value: string) => readonly string[] | "*" = rememberLast(parse, 100);

function parse(value: string): readonly string[] | "*" {
  const names = new Set<string>();
  for (const element of value.split(",")) {
    const name = element.trim().toLowerCase();
    if (name === "*") return "*";
    if (name !== "") names.add(name);
  }
  return [...names];
}
