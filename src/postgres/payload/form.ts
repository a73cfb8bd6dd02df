import { parseQueryString } from "../query/query-string.ts";

/** A form as an object of texts; of a name given twice the last counts. */
export function formToJson(text: string): string {
  const fields = new Map(parseQueryString(text).map(({ name, value }) => [name, value]));
  // Not Object.fromEntries: a field may be called __proto__.
  return `{${[...fields].map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(",")}}`;
}
