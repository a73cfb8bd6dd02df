import { HotpathError } from "../../errors.ts";

/** Which fields of a JSON value are wanted, by name; `true` takes the field whole, a selection picks within it. */
export type FieldSelection = ReadonlyMap<string, FieldSelection | true>;

/** Longest selection that is read, in characters. */
export const MAX_SELECTION_LENGTH = 4096;
/** Deepest nesting that is read. */
const MAX_DEPTH = 16;

/**
 * Reads a selection such as `id,name,profile(avatar)`: names parted by commas, with what is wanted within a field in
 * parentheses. A name holds any character but `,()"`, or is quoted like a JSON string. Names given twice are joined; the wider wins.
 *
 * @throws HotpathError HP_FIELDS_INVALID, which names the place
 */
export function parseFieldSelection(text: string): FieldSelection {
  if (text.length > MAX_SELECTION_LENGTH) {
    throw invalid(`The selection of fields has more than ${MAX_SELECTION_LENGTH} characters.`);
  }
  const reader: Reader = { text, at: 0 };
  const selection = readList(reader, 1);
  if (reader.at < text.length) throw unexpected(reader);
  return selection;
}

/** The one text of all selections that pick the same: names sorted, quoted where they must be. */
export function formatFieldSelection(selection: FieldSelection): string {
  const entries = [...selection].map(([name, within]): [string, string] => {
    const quoted = /^[^,()"\\\s]+$/.test(name) ? name : JSON.stringify(name);
    return [name, within === true ? quoted : `${quoted}(${formatFieldSelection(within)})`];
  });
  return entries
    .sort(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0))
    .map(([, entry]) => entry)
    .join(",");
}

interface Reader {
  readonly text: string;
  at: number;
}

function readList(reader: Reader, depth: number): Map<string, FieldSelection | true> {
  if (depth > MAX_DEPTH) throw invalid(`The selection of fields is nested deeper than ${MAX_DEPTH}.`);
  const selection = new Map<string, FieldSelection | true>();
  do {
    const name = readName(reader);
    const within = take(reader, "(") ? readWithin(reader, depth + 1) : true;
    const before = selection.get(name);
    selection.set(name, before === undefined ? within : join(before, within));
  } while (take(reader, ","));
  return selection;
}

function readWithin(reader: Reader, depth: number): FieldSelection {
  const within = readList(reader, depth);
  if (!take(reader, ")")) throw unexpected(reader);
  return within;
}

function readName(reader: Reader): string {
  skipSpace(reader);
  const pattern = reader.text[reader.at] === '"' ? QUOTED : BARE;
  pattern.lastIndex = reader.at;
  const match = pattern.exec(reader.text);
  const [token = ""] = match ?? [];
  const name = pattern === BARE ? token.trimEnd() : unquote(token);
  if (name === undefined || token === "") throw unexpected(reader);
  reader.at += token.length;
  skipSpace(reader);
  return name;
}

const BARE = /[^,()"\s][^,()"]*/y;
const QUOTED = /"(?:[^"\\]|\\.)*"/sy;

function unquote(token: string): string | undefined {
  try {
    return JSON.parse(token) as string;
  } catch {
    return undefined;
  }
}

function take(reader: Reader, character: string): boolean {
  if (reader.text[reader.at] !== character) return false;
  reader.at += 1;
  skipSpace(reader);
  return true;
}

function skipSpace(reader: Reader): void {
  while (/\s/.test(reader.text[reader.at] ?? "")) reader.at += 1;
}

/** Two selections of one field: what either picks. */
function join(one: FieldSelection | true, other: FieldSelection | true): FieldSelection | true {
  if (one === true || other === true) return true;
  const joined = new Map(one);
  for (const [name, within] of other) {
    const before = joined.get(name);
    joined.set(name, before === undefined ? within : join(before, within));
  }
  return joined;
}

function unexpected({ text, at }: Reader): HotpathError {
  const found = at < text.length ? JSON.stringify(String.fromCodePoint(text.codePointAt(at) ?? 0)) : "the end";
  return invalid(`The selection of fields is not well-formed: ${found} at character ${at + 1}.`);
}

function invalid(message: string): HotpathError {
  return new HotpathError("HP_FIELDS_INVALID", message);
}
