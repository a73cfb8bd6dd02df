import type { QueryParameter } from "./query-string.ts";

/** The canonical query of all requests of one shape: fixed texts, and where operands go between them. */
export type CanonicalTemplate = readonly { readonly text: string; readonly operand: number | null }[];

/** The parameters in the order of their names, written one way: the name of a resource however it was asked for. */
export function canonicalQuery(parameters: readonly QueryParameter[]): string {
  return fillCanonical(canonicalTemplate(parameters, []), []);
}

/** @param operands the tails of parameters that differ within the shape; see `shapeOf`. */
export function canonicalTemplate(
  parameters: readonly QueryParameter[],
  operands: readonly (string | undefined)[],
): CanonicalTemplate {
  return parameters
    .map(({ name, value }, index) => {
      const operand = operands[index];
      const fixed = operand === undefined ? value : value.slice(0, value.length - operand.length);
      const text = `${encodeStrictly(name)}=${encodeStrictly(fixed)}`;
      return { name, text, operand: operand === undefined ? null : index };
    })
    .sort((one, other) => (one.name < other.name ? -1 : one.name > other.name ? 1 : 0))
    .map(({ text, operand }) => ({ text, operand }));
}

export function fillCanonical(template: CanonicalTemplate, operands: readonly (string | undefined)[]): string {
  let query = "";
  for (const { text, operand } of template) {
    if (query !== "") query += "&";
    query += operand === null ? text : text + encodeStrictly(operands[operand] ?? "");
  }
  return query;
}

/** Everything but RFC 3986's unreserved characters; `encodeURIComponent` spares five more. */
function encodeStrictly(text: string): string {
  if (UNRESERVED.test(text)) return text;
  return encodeURIComponent(text.toWellFormed()).replace(/[!'()*]/g, percentEncoded);
}

const UNRESERVED = /^[\w.~-]*$/;

function percentEncoded(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}
