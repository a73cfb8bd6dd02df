import { invalidPayload } from "./invalid-payload.ts";

/** Takes a CSV text (RFC 4180) piece by piece and answers the rows that are complete, each as the text of a JSON object. */
export interface CsvReader {
  /** Names of the columns, in the order of the first line; undefined until it has come. */
  readonly names: readonly string[] | undefined;
  /** Characters of the row that is not complete. */
  readonly pendingLength: number;
  push(piece: string): readonly string[];
  /** The row that no line break ended, if there is one. */
  end(): readonly string[];
}

/**
 * The first line holds the names. `NULL` is null, everything else a text. Empty lines are left out.
 *
 * @throws DialectError PGRST102 from `push` and `end`, for quotes out of place and for rows of another length than the first line.
 */
export function createCsvReader(): CsvReader {
  let names: readonly string[] | undefined;
  let members: readonly string[] = [];
  let pending = "";
  let isQuoted = false;

  return {
    get names() {
      return names;
    },
    get pendingLength() {
      return pending.length;
    },
    push(piece) {
      const rows: string[] = [];
      let from = 0;
      for (let at = 0; at < piece.length; at++) {
        const code = piece.charCodeAt(at);
        // A doubled quote leaves and enters again.
        if (code === QUOTE) isQuoted = !isQuoted;
        else if (!isQuoted && (code === LINE_FEED || code === CARRIAGE_RETURN)) {
          take(pending + piece.slice(from, at), rows);
          pending = "";
          from = at + 1;
        }
      }
      pending += piece.slice(from);
      return rows;
    },
    end() {
      if (isQuoted) throw invalidPayload("A quoted field of the CSV does not end.");
      const rows: string[] = [];
      take(pending, rows);
      pending = "";
      return rows;
    },
  };

  function take(line: string, rows: string[]): void {
    if (line === "") return;
    const fields = parseLine(line);
    if (names === undefined) {
      names = fields;
      members = fields.map((name) => `${JSON.stringify(name)}:`);
      return;
    }
    if (fields.length !== names.length) throw invalidPayload("All lines must have same number of fields");
    let object = "";
    for (let index = 0; index < fields.length; index++) {
      const field = fields[index] as string;
      object += `${index === 0 ? "{" : ","}${members[index]}${field === "NULL" ? "null" : JSON.stringify(field)}`;
    }
    rows.push(`${object}}`);
  }
}

function parseLine(line: string): readonly string[] {
  if (!line.includes('"')) return line.split(",");
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    const isQuoted = line.charCodeAt(at) === QUOTE;
    const end = isQuoted ? quotedEnd(line, at) : commaFrom(line, at);
    const field = isQuoted ? line.slice(at + 1, end - 1).replaceAll('""', '"') : line.slice(at, end);
    if (!isQuoted && field.includes('"'))
      throw invalidPayload("A quote in the CSV stands inside of a field that has none around it.");
    fields.push(field);
    if (end === line.length) return fields;
    if (line.charCodeAt(end) !== COMMA)
      throw invalidPayload("A quoted field of the CSV is followed by more than a comma.");
    at = end + 1;
  }
}

/** Behind the quote that ends the field; doubled ones stand for themselves. */
function quotedEnd(line: string, from: number): number {
  let quote = line.indexOf('"', from + 1);
  while (quote !== -1 && line.charCodeAt(quote + 1) === QUOTE) quote = line.indexOf('"', quote + 2);
  if (quote === -1) throw invalidPayload("A quoted field of the CSV does not end.");
  return quote + 1;
}

function commaFrom(line: string, from: number): number {
  const comma = line.indexOf(",", from);
  return comma === -1 ? line.length : comma;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
