import { numericText } from "../protobuf/numeric-text.ts";
import { timestampText, timeText, dateText } from "../protobuf/temporal-text.ts";
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
} from "../protobuf/value-form.ts";

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
 * What comes by the thousand is written byte by byte: calls into the runtime cost more than a short value does.
 */
export class JsonWriter {
  #input = Buffer.allocUnsafeSlow(FIRST_SIZE);
  #out = Buffer.allocUnsafeSlow(FIRST_SIZE);
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
    this.#reserve(1);
    this.#out[this.#at++] = OPENING_BRACKET;
    for (let at = begin; at < end;) {
      if (at > begin) this.#bytes(BETWEEN_ROWS);
      at = this.#row(input, at, columns);
    }
    this.#reserve(1);
    this.#out[this.#at++] = CLOSING_BRACKET;
  }

  /** Answers where the next one begins. */
  #row(input: Buffer, begin: number, columns: readonly PreparedColumn[]): number {
    let at = begin + 4;
    for (const column of columns) {
      this.#bytes(column.key);
      const length = readInt32(input, at + 4);
      at += 8;
      if (length === -1) {
        this.#bytes(column.form === RECORDS ? NO_ROWS : NULL);
        continue;
      }
      if (column.form === RECORD) this.#row(input, at, column.columns);
      else if (column.form === RECORDS) this.#list(input, at, at + length, column.columns);
      else this.#value(input, at, at + length, column.form);
      at += length;
    }
    this.#reserve(1);
    this.#out[this.#at++] = CLOSING_BRACE;
    return at;
  }

  #value(input: Buffer, begin: number, end: number, form: number): void {
    switch (form) {
      case INT4:
        this.#integer(readInt32(input, begin));
        return;
      case TEXT:
        this.#string(input, begin, end);
        return;
      case TIMESTAMPTZ:
        this.#timestamp(readInt32(input, begin), readInt32(input, begin + 4) >>> 0, "+00:00");
        return;
      case TIMESTAMP:
        this.#timestamp(readInt32(input, begin), readInt32(input, begin + 4) >>> 0, "");
        return;
      case NUMERIC:
        this.#numeric(input, begin);
        return;
      case BOOL:
        this.#bytes(input[begin] === 0 ? FALSE : TRUE);
        return;
      case INT8:
        this.#bigInteger(readInt32(input, begin), readInt32(input, begin + 4) >>> 0);
        return;
      case INT2:
        this.#integer((readInt16(input, begin) << 16) >> 16);
        return;
      case UUID:
        this.#uuid(input, begin);
        return;
      case JSONB:
        this.#raw(input, begin + 1, end);
        return;
      case JSON_TEXT:
        this.#raw(input, begin, end);
        return;
      case DATE:
        this.#ascii(`"${dateText(readInt32(input, begin))}"`);
        return;
      case TIME:
        this.#ascii(`"${timeText(readInt32(input, begin) * 2 ** 32 + (readInt32(input, begin + 4) >>> 0))}"`);
        return;
      default:
        throw new Error(`no JSON is known of the form ${form}`);
    }
  }

  #string(input: Buffer, begin: number, end: number): void {
    // A control character takes six.
    this.#reserve((end - begin) * 6 + 2);
    const out = this.#out;
    let at = this.#at;
    out[at++] = QUOTE;
    for (let index = begin; index < end; index++) {
      const byte = input[index]!;
      if (byte >= 0x20 && byte !== QUOTE && byte !== BACKSLASH) out[at++] = byte;
      else {
        const escape = ESCAPES[byte]!;
        for (const each of escape) out[at++] = each;
      }
    }
    out[at++] = QUOTE;
    this.#at = at;
  }

  #integer(value: number): void {
    this.#reserve(12);
    let rest = value;
    if (rest < 0) {
      this.#out[this.#at++] = MINUS;
      rest = -rest;
    }
    this.#digits(rest, rest < 10 ? 1 : rest < 100 ? 2 : rest < 1000 ? 3 : rest < 10_000 ? 4 : countDigits(rest));
  }

  #bigInteger(high: number, low: number): void {
    if (high === 0 && low < 2 ** 31) this.#integer(low);
    else this.#ascii(String(isExact(high) ? high * 2 ** 32 + low : (BigInt(high) << 32n) | BigInt(low)));
  }

  /** A number from 0 to 2^31, with zeros in front; needs its room. */
  #digits(value: number, count: number): void {
    const out = this.#out;
    let rest = value;
    for (let at = this.#at + count - 1; at >= this.#at; at--) {
      const tenth = (rest / 10) >>> 0;
      out[at] = ZERO + (rest - tenth * 10);
      rest = tenth;
    }
    this.#at += count;
  }

  /** Digits of base 10,000: their count, the weight of the first, sign, digits behind the point; then the digits. */
  #numeric(input: Buffer, begin: number): void {
    const count = readInt16(input, begin);
    const weight = (readInt16(input, begin + 2) << 16) >> 16;
    const sign = readInt16(input, begin + 4);
    const scale = readInt16(input, begin + 6);
    if (sign >= NOT_A_NUMBER || weight > MOST_WEIGHT || weight < 0 || scale > 4) {
      const text = numericText(input, begin);
      this.#ascii(sign >= NOT_A_NUMBER ? `"${text}"` : text);
      return;
    }
    this.#reserve(12 + weight * 4);
    if (sign !== 0) this.#out[this.#at++] = MINUS;
    for (let place = 0; place <= weight; place++) {
      const digit = place < count ? readInt16(input, begin + 8 + place * 2) : 0;
      if (place === 0) this.#digits(digit, digit < 10 ? 1 : digit < 100 ? 2 : digit < 1000 ? 3 : 4);
      else this.#digits(digit, 4);
    }
    if (scale === 0) return;
    this.#out[this.#at++] = POINT;
    const digit = weight + 1 < count ? readInt16(input, begin + 8 + (weight + 1) * 2) : 0;
    this.#digits(Math.floor(digit / 10 ** (4 - scale)), scale);
  }

  /** @param high of the microseconds from 2000-01-01 */
  #timestamp(high: number, low: number, zone: string): void {
    if (!isExact(high)) {
      this.#ascii(`"${timestampText(high, low, zone)}"`);
      return;
    }
    const micros = high * 2 ** 32 + low;
    const days = Math.floor(micros / DAY);
    const { year, month, day } = civil(days);
    if (year < 1 || year > 9999) {
      this.#ascii(`"${timestampText(high, low, zone)}"`);
      return;
    }
    this.#reserve(40);
    const out = this.#out;
    out[this.#at++] = QUOTE;
    this.#digits(year, 4);
    out[this.#at++] = MINUS;
    this.#digits(month, 2);
    out[this.#at++] = MINUS;
    this.#digits(day, 2);
    out[this.#at++] = CAPITAL_T;
    const ofDay = micros - days * DAY;
    const seconds = Math.floor(ofDay / 1e6);
    this.#digits(Math.floor(seconds / 3600), 2);
    out[this.#at++] = COLON;
    this.#digits(Math.floor(seconds / 60) % 60, 2);
    out[this.#at++] = COLON;
    this.#digits(seconds % 60, 2);
    const fraction = ofDay - seconds * 1e6;
    if (fraction > 0) {
      out[this.#at++] = POINT;
      this.#digits(fraction, 6);
      while (out[this.#at - 1] === ZERO) this.#at--;
    }
    for (let index = 0; index < zone.length; index++) out[this.#at++] = zone.charCodeAt(index);
    out[this.#at++] = QUOTE;
  }

  #uuid(input: Buffer, begin: number): void {
    this.#reserve(38);
    const out = this.#out;
    let at = this.#at;
    out[at++] = QUOTE;
    for (let index = 0; index < 16; index++) {
      if (index === 4 || index === 6 || index === 8 || index === 10) out[at++] = MINUS;
      const byte = input[begin + index]!;
      out[at++] = HEX[byte >> 4]!;
      out[at++] = HEX[byte & 15]!;
    }
    out[at++] = QUOTE;
    this.#at = at;
  }

  #raw(input: Buffer, begin: number, end: number): void {
    this.#reserve(end - begin);
    input.copy(this.#out, this.#at, begin, end);
    this.#at += end - begin;
  }

  #ascii(text: string): void {
    this.#reserve(text.length);
    this.#at += this.#out.write(text, this.#at, "latin1");
  }

  #bytes(bytes: Uint8Array): void {
    const { length } = bytes;
    this.#reserve(length);
    const out = this.#out;
    let at = this.#at;
    for (let index = 0; index < length; index++) out[at++] = bytes[index]!;
    this.#at = at;
  }

  #reserve(size: number): void {
    if (this.#at + size <= this.#out.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#out.length * 2, this.#at + size));
    this.#out.copy(grown, 0, 0, this.#at);
    this.#out = grown;
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

function readInt32(input: Buffer, at: number): number {
  return (input[at]! << 24) | (input[at + 1]! << 16) | (input[at + 2]! << 8) | input[at + 3]!;
}

function readInt16(input: Buffer, at: number): number {
  return (input[at]! << 8) | input[at + 1]!;
}

function countDigits(value: number): number {
  let count = 5;
  for (let bound = 100_000; value >= bound; bound *= 10) count++;
  return count;
}

/** Whether a number of 64 bits with this upper half is exact in JavaScript. */
function isExact(high: number): boolean {
  return high < 2 ** 20 && high >= -(2 ** 20);
}

/** The date that is so many days from 2000-01-01, in the proleptic Gregorian calendar, whose eras of 400 years begin in March here. */
function civil(days: number): { readonly year: number; readonly month: number; readonly day: number } {
  const shifted = days + DAYS_BEFORE_2000;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day };
}

/** From 0000-03-01. */
const DAYS_BEFORE_2000 = 730_425;
const DAY = 86_400_000_000;
/** And infinities. */
const NOT_A_NUMBER = 0xc000;
/** More digits are rare. */
const MOST_WEIGHT = 8;

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
