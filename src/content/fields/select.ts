import type { FieldSelection } from "./selection.ts";

/**
 * What a selection leaves of a JSON value: of an object the fields named, in the object's order; of an array each of its
 * elements so reduced; of anything else the value itself. Fields that are not there are left out. The value is not changed.
 */
export function selectFields(value: unknown, selection: FieldSelection): unknown {
  if (Array.isArray(value)) return value.map((element) => selectFields(element, selection));
  if (typeof value !== "object" || value === null || isRawJson?.(value) === true) return value;
  // Without a prototype: `__proto__` is a name like any other in JSON.
  const selected: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const [name, field] of Object.entries(value)) {
    const within = selection.get(name);
    if (within !== undefined) selected[name] = within === true ? field : selectFields(field, within);
  }
  return selected;
}

/**
 * The same for JSON text; `undefined` when it is no JSON. Numbers keep their value however long they are.
 *
 * @param json UTF-8
 */
export function selectFieldsOfJson(json: Uint8Array, selection: FieldSelection): string | undefined {
  try {
    const text = Buffer.from(json.buffer, json.byteOffset, json.byteLength).toString();
    // A reviver makes parsing several times slower, so only texts with numbers that could lose digits get it.
    const value: unknown = LONG_NUMBER.test(text) ? JSON.parse(text, keepNumber) : JSON.parse(text);
    return JSON.stringify(selectFields(value, selection));
  } catch {
    return undefined;
  }
}

/** More digits than a double surely holds, or an exponent; strings that look so cost time only. */
const LONG_NUMBER = /[\d.]{16}|\d[eE]/;

/** Numbers that JavaScript cannot hold (64-bit keys, long decimals) stay as they were written. */
function keepNumber(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== "number" || context?.source === undefined || String(value) === context.source) return value;
  return rawJson === undefined ? value : rawJson(context.source);
}

/** Not in the type declarations yet: https://tc39.es/proposal-json-parse-with-source/ */
const { rawJSON: rawJson, isRawJSON: isRawJson } = JSON as typeof JSON & {
  readonly rawJSON?: (text: string) => object;
  readonly isRawJSON?: (value: unknown) => boolean;
};
