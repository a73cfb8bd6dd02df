import { numericText } from "../binary/numeric-text.ts";
import { timestampText, timeText, dateText } from "../binary/temporal-text.ts";
import {
  BOOL,
  DATE,
  INT2,
  INT4,
  INT8,
  JSON_TEXT,
  JSONB,
  NUMERIC,
  RECORD,
  RECORDS,
  TEXT,
  TIME,
  TIMESTAMP,
  TIMESTAMPTZ,
  UUID,
} from "../binary/value-form.ts";

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
 * What comes by the thousand is written byte by byte, by functions that take a place and answer the next one: calls into the runtime cost more than a
 * short value does, and members that change with every byte are kept in memory.
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
      const out = this.#reserve(0, length * 6 + MOST_OF_A_NUMBER);
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
      // A control character takes six bytes; no number or time takes more than is added.
      const out = this.#reserve(at, key.length + Math.max(0, length) * 6 + MOST_OF_A_NUMBER);
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

function putValue(out: Buffer, at: number, input: Buffer, begin: number, end: number, form: number): number {
  switch (form) {
    case INT4:
      return putInteger(out, at, readInt32(input, begin));
    case TEXT:
      return putString(out, at, input, begin, end);
    case TIMESTAMPTZ:
      return putTimestamp(out, at, readInt32(input, begin), readInt32(input, begin + 4) >>> 0, UTC_OFFSET);
    case TIMESTAMP:
      return putTimestamp(out, at, readInt32(input, begin), readInt32(input, begin + 4) >>> 0, "");
    case NUMERIC:
      return putNumeric(out, at, input, begin);
    case BOOL:
      return putBytes(out, at, input[begin] === 0 ? FALSE : TRUE);
    case INT8:
      return putBigInteger(out, at, readInt32(input, begin), readInt32(input, begin + 4) >>> 0);
    case INT2:
      return putInteger(out, at, (readInt16(input, begin) << 16) >> 16);
    case UUID:
      return putUuid(out, at, input, begin);
    case JSONB:
      return at + input.copy(out, at, begin + 1, end);
    case JSON_TEXT:
      return at + input.copy(out, at, begin, end);
    case DATE:
      return putAscii(out, at, `"${dateText(readInt32(input, begin))}"`);
    case TIME:
      return putAscii(
        out,
        at,
        `"${timeText(readInt32(input, begin) * 2 ** 32 + (readInt32(input, begin + 4) >>> 0))}"`,
      );
    default:
      throw new Error(`no JSON is known of the form ${form}`);
  }
}

function putString(out: Buffer, begun: number, input: Buffer, begin: number, end: number): number {
  let at = begun;
  out[at++] = QUOTE;
  for (let index = begin; index < end; index++) {
    const byte = input[index]!;
    if (byte >= 0x20 && byte !== QUOTE && byte !== BACKSLASH) out[at++] = byte;
    else at = putBytes(out, at, ESCAPES[byte]!);
  }
  out[at++] = QUOTE;
  return at;
}

function putInteger(out: Buffer, begun: number, value: number): number {
  let at = begun;
  let rest = value;
  if (rest < 0) {
    out[at++] = MINUS;
    rest = -rest;
  }
  return putDigits(out, at, rest, countDigits(rest));
}

function putBigInteger(out: Buffer, at: number, high: number, low: number): number {
  if (high === 0 && low < 2 ** 31) return putInteger(out, at, low);
  return putAscii(out, at, String(isExact(high) ? high * 2 ** 32 + low : (BigInt(high) << 32n) | BigInt(low)));
}

/** A number from 0 to 2^31, with zeros in front. */
function putDigits(out: Buffer, begun: number, value: number, count: number): number {
  let rest = value;
  for (let at = begun + count - 1; at >= begun; at--) {
    const tenth = (rest / 10) >>> 0;
    out[at] = ZERO + (rest - tenth * 10);
    rest = tenth;
  }
  return begun + count;
}

/** A number below 100. */
function putTwo(out: Buffer, at: number, value: number): number {
  const tens = (value / 10) | 0;
  out[at] = ZERO + tens;
  out[at + 1] = ZERO + (value - tens * 10);
  return at + 2;
}

/** Digits of base 10,000: their count, the weight of the first, sign, digits behind the point; then the digits. */
function putNumeric(out: Buffer, begun: number, input: Buffer, begin: number): number {
  const count = readInt16(input, begin);
  const weight = (readInt16(input, begin + 2) << 16) >> 16;
  const sign = readInt16(input, begin + 4);
  const scale = readInt16(input, begin + 6);
  if (sign >= NOT_A_NUMBER || weight > MOST_WEIGHT || weight < 0 || scale > 4) {
    const text = numericText(input, begin);
    return putAscii(out, begun, sign >= NOT_A_NUMBER ? `"${text}"` : text);
  }
  let at = begun;
  if (sign !== 0) out[at++] = MINUS;
  for (let place = 0; place <= weight; place++) {
    const digit = place < count ? readInt16(input, begin + 8 + place * 2) : 0;
    at = putDigits(out, at, digit, place === 0 ? countDigits(digit) : 4);
  }
  if (scale === 0) return at;
  out[at++] = POINT;
  const digit = weight + 1 < count ? readInt16(input, begin + 8 + (weight + 1) * 2) : 0;
  return putDigits(out, at, (digit / CUT[scale]!) | 0, scale);
}

/** @param high of the microseconds from 2000-01-01 */
function putTimestamp(out: Buffer, begun: number, high: number, low: number, zone: string): number {
  const micros = high * 2 ** 32 + low;
  const days = Math.floor(micros / DAY);
  const fromEra = days + DAYS_BEFORE_2000;
  // Years 1 to 9999, of which the days can be told in numbers of 31 bits.
  if (!isExact(high) || fromEra < FIRST_DAY || fromEra > LAST_DAY) {
    return putAscii(out, begun, `"${timestampText(high, low, zone)}"`);
  }
  // The proleptic Gregorian calendar, whose eras of 400 years begin in March here.
  const era = (fromEra / 146_097) | 0;
  const dayOfEra = fromEra - era * 146_097;
  const leaps = ((dayOfEra / 1460) | 0) - ((dayOfEra / 36_524) | 0) + ((dayOfEra / 146_096) | 0);
  const yearOfEra = ((dayOfEra - leaps) / 365) | 0;
  const dayOfYear = dayOfEra - (365 * yearOfEra + (yearOfEra >> 2) - ((yearOfEra / 100) | 0));
  const shiftedMonth = ((5 * dayOfYear + 2) / 153) | 0;
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  let at = begun;
  out[at++] = QUOTE;
  const century = (year / 100) | 0;
  at = putTwo(out, at, century);
  at = putTwo(out, at, year - century * 100);
  out[at++] = MINUS;
  at = putTwo(out, at, month);
  out[at++] = MINUS;
  at = putTwo(out, at, dayOfYear - (((153 * shiftedMonth + 2) / 5) | 0) + 1);
  out[at++] = CAPITAL_T;
  const ofDay = micros - days * DAY;
  const seconds = Math.floor(ofDay / 1e6) | 0;
  const minutes = (seconds / 60) | 0;
  const hours = (minutes / 60) | 0;
  at = putTwo(out, at, hours);
  out[at++] = COLON;
  at = putTwo(out, at, minutes - hours * 60);
  out[at++] = COLON;
  at = putTwo(out, at, seconds - minutes * 60);
  const fraction = (ofDay - seconds * 1e6) | 0;
  if (fraction > 0) {
    out[at++] = POINT;
    at = putDigits(out, at, fraction, 6);
    while (out[at - 1] === ZERO) at--;
  }
  for (let index = 0; index < zone.length; index++) out[at++] = zone.charCodeAt(index);
  out[at++] = QUOTE;
  return at;
}

function putUuid(out: Buffer, begun: number, input: Buffer, begin: number): number {
  let at = begun;
  out[at++] = QUOTE;
  for (let index = 0; index < 16; index++) {
    if (index === 4 || index === 6 || index === 8 || index === 10) out[at++] = MINUS;
    const byte = input[begin + index]!;
    out[at++] = HEX[byte >> 4]!;
    out[at++] = HEX[byte & 15]!;
  }
  out[at++] = QUOTE;
  return at;
}

function putAscii(out: Buffer, at: number, text: string): number {
  return at + out.write(text, at, "latin1");
}

function putBytes(out: Buffer, begun: number, bytes: Uint8Array): number {
  let at = begun;
  for (let index = 0; index < bytes.length; index++) out[at++] = bytes[index]!;
  return at;
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

/** The forms that `JsonWriter` knows. */
export const JSON_FORMS: ReadonlySet<number> = new Set([
  BOOL,
  INT2,
  INT4,
  INT8,
  NUMERIC,
  TEXT,
  JSON_TEXT,
  JSONB,
  UUID,
  DATE,
  TIME,
  TIMESTAMP,
  TIMESTAMPTZ,
]);

/** Answers what comes behind so many fields. */
function skip(input: Buffer, from: number, fields: number): number {
  let at = from;
  for (let place = 0; place < fields; place++) at += 8 + Math.max(0, readInt32(input, at + 4));
  return at;
}

function readInt32(input: Buffer, at: number): number {
  return (input[at]! << 24) | (input[at + 1]! << 16) | (input[at + 2]! << 8) | input[at + 3]!;
}

function readInt16(input: Buffer, at: number): number {
  return (input[at]! << 8) | input[at + 1]!;
}

function countDigits(value: number): number {
  if (value < 10) return 1;
  if (value < 100) return 2;
  if (value < 1000) return 3;
  if (value < 10_000) return 4;
  if (value < 100_000) return 5;
  if (value < 1_000_000) return 6;
  if (value < 10_000_000) return 7;
  if (value < 100_000_000) return 8;
  return value < 1_000_000_000 ? 9 : 10;
}

/** Whether a number of 64 bits with this upper half is exact in JavaScript. */
function isExact(high: number): boolean {
  return high < 2 ** 20 && high >= -(2 ** 20);
}

/** From 0000-03-01. */
const DAYS_BEFORE_2000 = 730_425;
/** 0001-01-01 and 9999-12-31, from 0000-03-01. */
const FIRST_DAY = 306;
const LAST_DAY = 3_652_364;
const DAY = 86_400_000_000;
/** And infinities. */
const NOT_A_NUMBER = 0xc000;
/** More digits are rare. */
const MOST_WEIGHT = 8;
/** What takes the digits behind the scale from four. */
const CUT: readonly number[] = [10_000, 1000, 100, 10, 1];
/** Bytes; those with more digits come in more bytes themselves, whose six-fold is there. */
const MOST_OF_A_NUMBER = 64;
const UTC_OFFSET = "+00:00";

const FIRST_SIZE = 32 * 1024;
const LARGEST_KEPT = 1024 * 1024;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const COLON = 0x3a;
const CAPITAL_T = 0x54;
const OPENING_BRACKET = 0x5b;
const CLOSING_BRACKET = 0x5d;
const CLOSING_BRACE = 0x7d;
const HEX = Buffer.from("0123456789abcdef");
const NULL = Buffer.from("null");
const NO_ROWS = Buffer.from("[]");
const TRUE = Buffer.from("true");
const FALSE = Buffer.from("false");
const BETWEEN_ROWS = Buffer.from(", \n ");
/** By byte. */
const ESCAPES: readonly (Uint8Array | undefined)[] = Array.from({ length: 0x5d }, (_, byte) =>
  byte < 0x20 || byte === QUOTE || byte === BACKSLASH
    ? Buffer.from(JSON.stringify(String.fromCharCode(byte)).slice(1, -1))
    : undefined,
);
