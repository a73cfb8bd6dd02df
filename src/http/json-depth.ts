/** Deeper JSON than anybody means; a thousand levels are well below what a recursive reader (PostgreSQL's, `JSON.stringify`) can bear. */
export const MAX_JSON_DEPTH = 1000;

/**
 * Whether JSON has more than `MAX_JSON_DEPTH` lists and objects open at once. Looks at brackets and strings alone, each byte once;
 * what is no JSON may be called either.
 */
export function isTooDeep(json: Uint8Array): boolean {
  // Every level takes a byte.
  if (json.length <= MAX_JSON_DEPTH) return false;
  let depth = 0;
  let isString = false;
  for (let at = 0; at < json.length; at++) {
    const code = json[at];
    if (isString) {
      if (code === BACKSLASH) at++;
      else if (code === QUOTE) isString = false;
    } else if (code === QUOTE) {
      isString = true;
    } else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      depth++;
      if (depth > MAX_JSON_DEPTH) return true;
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      depth--;
    }
  }
  return false;
}

const QUOTE = 0x22;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
