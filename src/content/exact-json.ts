/**
 * Parses JSON without loss: a number that JavaScript cannot hold (64-bit keys, long decimals) becomes an opaque value that
 * `JSON.stringify` writes as it was.
 *
 * @throws SyntaxError
 */
export function parseExactJson(text: string): unknown {
  // A reviver makes parsing several times slower, so only texts with numbers that could lose digits get it.
  return LONG_NUMBER.test(text) ? JSON.parse(text, keepNumber) : JSON.parse(text);
}

/** Whether a value of `parseExactJson` is such a number. */
export function isExactNumber(value: unknown): boolean {
  return isRawJson?.(value) === true;
}

/** More digits than a double surely holds, or an exponent; strings that look so cost time only. */
const LONG_NUMBER = /[\d.]{16}|\d[eE]/;

function keepNumber(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== "number" || context?.source === undefined || String(value) === context.source) return value;
  return rawJson === undefined ? value : rawJson(context.source);
}

/** Not in the type declarations yet: https://tc39.es/proposal-json-parse-with-source/ */
const { rawJSON: rawJson, isRawJSON: isRawJson } = JSON as typeof JSON & {
  readonly rawJSON?: (text: string) => object;
  readonly isRawJSON?: (value: unknown) => boolean;
};
