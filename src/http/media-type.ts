import { readValue, tokenEnd, whitespaceEnd } from "./syntax.ts";

const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const SLASH = 0x2f;

/** A media type or range as parts; type, subtype and parameter names in lower case. */
export interface MediaType {
  readonly type: string;
  readonly subtype: string;
  /** In the order of the field; of a name given twice the first counts. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** Parses a `Content-Type` value (RFC 9110 section 8.3.1); `undefined` when it is not a media type. */
export function parseMediaType(value: string): MediaType | undefined {
  const read = readMediaType(value, whitespaceEnd(value, 0));
  return read !== undefined && whitespaceEnd(value, read.end) === value.length ? read.media : undefined;
}

/** Reads the media type or range at `from`, as far as it is well-formed. */
export function readMediaType(
  text: string,
  from: number,
): { readonly media: MediaType; readonly end: number } | undefined {
  const typeEnd = tokenEnd(text, from);
  if (typeEnd === from) return undefined;
  const type = text.slice(from, typeEnd).toLowerCase();
  let subtype = "*";
  let end = typeEnd;
  if (text.charCodeAt(typeEnd) === SLASH) {
    end = tokenEnd(text, typeEnd + 1);
    if (end === typeEnd + 1) return undefined;
    subtype = text.slice(typeEnd + 1, end).toLowerCase();
  } else if (type !== "*") {
    // A lone `*` means `*/*`: Java's HttpURLConnection sends it.
    return undefined;
  }
  const parameters = readParameters(text, end);
  return { media: { type, subtype, parameters: parameters.parameters }, end: parameters.end };
}

function readParameters(text: string, from: number): { parameters: ReadonlyMap<string, string>; end: number } {
  let parameters = NO_PARAMETERS;
  let end = from;
  for (;;) {
    const separator = whitespaceEnd(text, end);
    if (text.charCodeAt(separator) !== SEMICOLON) return { parameters, end };
    const nameStart = whitespaceEnd(text, separator + 1);
    const nameEnd = tokenEnd(text, nameStart);
    if (nameEnd === nameStart) {
      // An empty parameter (`text/html;`) is allowed and means nothing.
      end = nameStart;
      continue;
    }
    const value =
      text.charCodeAt(nameEnd) === EQUALS ? readParameterValue(text, nameEnd + 1) : { value: "", end: nameEnd };
    if (value === undefined) return { parameters, end };
    const name = text.slice(nameStart, nameEnd).toLowerCase();
    if (parameters === NO_PARAMETERS) parameters = new Map();
    if (!parameters.has(name)) (parameters as Map<string, string>).set(name, value.value);
    end = value.end;
  }
}

/** Nothing at all is no value by the grammar, but clients send it: postgrest-js asks for plans with `options=;`. */
function readParameterValue(text: string, at: number): { readonly value: string; readonly end: number } | undefined {
  const isEmpty = at === text.length || text[at] === ";" || text[at] === ",";
  return isEmpty ? { value: "", end: at } : readValue(text, at);
}

const NO_PARAMETERS: ReadonlyMap<string, string> = new Map();
