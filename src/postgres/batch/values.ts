import type { ParameterType } from "./template.ts";

/** A PostgreSQL array of texts; an empty text and the word NULL are texts, too. */
export function arrayText(values: readonly (string | null)[]): string {
  let text = "{";
  for (const value of values) {
    if (text.length > 1) text += ",";
    if (value === null) text += "NULL";
    else if (NEEDS_ESCAPES.test(value)) text += `"${value.replaceAll(ESCAPED, "\\$&")}"`;
    else text += `"${value}"`;
  }
  return `${text}}`;
}

const NEEDS_ESCAPES = /["\\]/;
const ESCAPED = /["\\]/g;

/**
 * Whether a value looks as if its type's input function took it, so that it will not fail the others' statement. Where
 * nothing is known of the type it is given the benefit of the doubt.
 */
export function isPlausible({ type }: ParameterType, value: string | null): boolean {
  if (value === null || type.schema !== "pg_catalog") return true;
  return PLAIN[type.name]?.test(value) ?? true;
}

/** Of numbers fewer digits than fit, so that none is out of range. */
const PLAIN: Readonly<Record<string, RegExp>> = {
  int2: /^-?\d{1,4}$/,
  int4: /^-?\d{1,9}$/,
  int8: /^-?\d{1,18}$/,
  numeric: /^-?\d{1,30}(?:\.\d{1,30})?$/,
  bool: /^(?:true|false|t|f)$/,
  uuid: /^[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}$/i,
  date: /^[12]\d{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])$/,
};
