import { RECORD, RECORDS, TEXT } from "../binary/value-form.ts";
import { putBytes, putValue, readInt32, sizeOf } from "./json-values.ts";

/** A column of the rows. */
export interface JsonColumn {
  readonly name: string;
  /** How its values lie in PostgreSQL's binary format: one of those that `JsonWriter` knows. */
  readonly form: number;
  /** Of embedded rows. */
  readonly columns?: readonly JsonColumn[];
}

/**
 * Writes rows as JSON, to the letter as PostgreSQL's `json_agg` does (in UTC), out of records as `record_send` makes them: a count of fields, then
 * type, length and value of each.
 *
 * Places are kept at hand, and in members between rows only: those that change with every byte are kept in memory.
 */
export class JsonWriter {
  #input: Buffer = Buffer.allocUnsafeSlow(FIRST_SIZE);
  #out: Buffer = Buffer.allocUnsafeSlow(FIRST_SIZE);
  #at = 0;

  /** @param records one after the other, a character for each byte (Latin-1). */
  array(records: string, columns: readonly PreparedColumn[]): string {
    this.#list(this.#begin(records), 0, records.length, columns);
    return this.#end();
  }

  /** @param record the only one. */
  object(record: string, columns: readonly PreparedColumn[]): string {
    this.#row(this.#begin(record), 0, columns);
    return this.#end();
  }

  /** Values of the last row, by their places, as texts that PostgreSQL reads as the same. */
  lastValues(records: string, columns: readonly PreparedColumn[], places: readonly number[]): (string | null)[] {
    const input = this.#begin(records);
    let last = 0;
    for (let next = 0; next < records.length;) {
      last = next;
      next = skip(input, next + 4, columns.length);
    }
    return places.map((place) => {
      const { form = TEXT } = columns[place] ?? {};
      const from = skip(input, last + 4, place) + 8;
      const length = readInt32(input, from - 4);
      if (length === -1) return null;
      if (form === TEXT) return input.toString("utf8", from, from + length);
      const out = this.#reserve(0, sizeOf(input, from, length, form));
      const text = out.toString("latin1", 0, putValue(out, 0, input, from, from + length, form));
      return text.startsWith('"') ? text.slice(1, -1) : text;
    });
  }

  #begin(records: string): Buffer {
    if (records.length > this.#input.length) this.#input = Buffer.allocUnsafeSlow(records.length);
    this.#input.write(records, "latin1");
    this.#at = 0;
    return this.#input;
  }

  #end(): string {
    const text = this.#out.toString("utf8", 0, this.#at);
    if (this.#input.length > LARGEST_KEPT) this.#input = Buffer.allocUnsafeSlow(FIRST_SIZE);
    if (this.#out.length > LARGEST_KEPT) this.#out = Buffer.allocUnsafeSlow(FIRST_SIZE);
    return text;
  }

  #list(input: Buffer, begin: number, end: number, columns: readonly PreparedColumn[]): void {
    this.#reserve(this.#at, 1)[this.#at++] = OPENING_BRACKET;
    for (let next = begin; next < end;) {
      if (next > begin) this.#at = putBytes(this.#reserve(this.#at, BETWEEN_ROWS.length), this.#at, BETWEEN_ROWS);
      next = this.#row(input, next, columns);
    }
    this.#reserve(this.#at, 1)[this.#at++] = CLOSING_BRACKET;
  }

  /** Answers where the next one begins. */
  #row(input: Buffer, begin: number, columns: readonly PreparedColumn[]): number {
    let from = begin + 4;
    let at = this.#at;
    for (let place = 0; place < columns.length; place++) {
      const column = columns[place]!;
      const { key, form } = column;
      const length = readInt32(input, from + 4);
      from += 8;
      const out = this.#reserve(at, key.length + (length === -1 ? NULL.length : sizeOf(input, from, length, form)));
      at = putBytes(out, at, key);
      if (length === -1) {
        at = putBytes(out, at, form === RECORDS ? NO_ROWS : NULL);
        continue;
      }
      const end = from + length;
      if (form === RECORD || form === RECORDS) {
        this.#at = at;
        if (form === RECORD) this.#row(input, from, column.columns);
        else this.#list(input, from, end, column.columns);
        at = this.#at;
      } else at = putValue(out, at, input, from, end, form);
      from = end;
    }
    this.#reserve(at, 1)[at] = CLOSING_BRACE;
    this.#at = at + 1;
    return from;
  }

  /** Where to write that many bytes more. */
  #reserve(at: number, size: number): Buffer {
    if (at + size > this.#out.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(this.#out.length * 2, at + size));
      this.#out.copy(grown, 0, 0, at);
      this.#out = grown;
    }
    return this.#out;
  }
}

/** A column, with what is written before its values. */
export interface PreparedColumn {
  readonly form: number;
  readonly key: Uint8Array;
  readonly columns: readonly PreparedColumn[];
}

export function prepareColumns(columns: readonly JsonColumn[]): readonly PreparedColumn[] {
  return columns.map(({ name, form, columns: inner = [] }, place) => ({
    form,
    columns: prepareColumns(inner),
    key: Buffer.from(`${place === 0 ? "{" : ","}${JSON.stringify(name)}:`),
  }));
}

/** Answers what comes behind so many fields. */
function skip(input: Buffer, from: number, fields: number): number {
  let at = from;
  for (let place = 0; place < fields; place++) at += 8 + Math.max(0, readInt32(input, at + 4));
  return at;
}

const FIRST_SIZE = 32 * 1024;
const LARGEST_KEPT = 1024 * 1024;

const OPENING_BRACKET = 0x5b;
const CLOSING_BRACKET = 0x5d;
const CLOSING_BRACE = 0x7d;
const NULL = Buffer.from("null");
const NO_ROWS = Buffer.from("[]");
const BETWEEN_ROWS = Buffer.from(", \n ");
