import { isExactNumber, parseExactJson } from "../exact-json.ts";
import type { FieldSelection } from "./selection.ts";

/**
 * What a selection leaves of a JSON value: of an object the fields named, in the object's order; of an array each of its
 * elements so reduced; of anything else the value itself. Fields that are not there are left out. The value is not changed.
 */
export function selectFields(value: unknown, selection: FieldSelection): unknown {
  if (Array.isArray(value)) return value.map((element) => selectFields(element, selection));
  if (typeof value !== "object" || value === null || isExactNumber(value)) return value;
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
    return JSON.stringify(selectFields(parseExactJson(text), selection));
  } catch {
    return undefined;
  }
}
