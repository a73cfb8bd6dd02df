import { numericText } from "../binary/numeric-text.ts";
import { civilDay, dateText, timestampText, timeText } from "../binary/temporal-text.ts";
import {
  BOOL,
  DATE,
  INT2,
  INT4,
  INT8,
  JSON_TEXT,
  JSONB,
  NUMERIC,
  TEXT,
  TIME,
  TIMESTAMP,
  TIMESTAMPTZ,
  UUID,
} from "../binary/value-form.ts";

/**
 * Values of PostgreSQL's binary format as JSON, written byte by byte: calls into the runtime cost more than a short value does. Each function takes the
 * place where to write, and answers the next one; the room must be there.
 */

/** The forms that are known here. */
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

/** Bytes that a value takes at most. */
export function sizeOf(input: Buffer, begin: number, length: number, form: number): number {
  // A short number may have many zeros.
  if (form === NUMERIC) {
    return (
      4 * Math.abs((readInt16(input, begin + 2) << 16) >> 16) +
      readInt16(input, begin + 6) +
      2 * length +
      MOST_OF_A_NUMBER
    );
  }
  // A control character takes six.
  return 6 * length + MOST_OF_A_NUMBER;
}

export function putValue(out: Buffer, at: number, input: Buffer, begin: number, end: number, form: number): number {
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
  const { year, month, day } = civilDay(days);
  if (!isExact(high) || year < 1 || year > 9999) return putAscii(out, begun, `"${timestampText(high, low, zone)}"`);
  let at = begun;
  out[at++] = QUOTE;
  const century = (year / 100) | 0;
  at = putTwo(out, at, century);
  at = putTwo(out, at, year - century * 100);
  out[at++] = MINUS;
  at = putTwo(out, at, month);
  out[at++] = MINUS;
  at = putTwo(out, at, day);
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

export function putBytes(out: Buffer, begun: number, bytes: Uint8Array): number {
  let at = begun;
  for (let index = 0; index < bytes.length; index++) out[at++] = bytes[index]!;
  return at;
}

export function readInt32(input: Buffer, at: number): number {
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

const DAY = 86_400_000_000;
/** And infinities. */
const NOT_A_NUMBER = 0xc000;
/** More digits are rare. */
const MOST_WEIGHT = 8;
/** What takes the digits behind the scale from four. */
const CUT: readonly number[] = [10_000, 1000, 100, 10, 1];
/** Any number, but those with many digits, and any time. */
const MOST_OF_A_NUMBER = 64;
const UTC_OFFSET = "+00:00";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const COLON = 0x3a;
const CAPITAL_T = 0x54;
const HEX = Buffer.from("0123456789abcdef");
const TRUE = Buffer.from("true");
const FALSE = Buffer.from("false");
/** By byte. */
const ESCAPES: readonly (Uint8Array | undefined)[] = Array.from({ length: 0x5d }, (_, byte) =>
  byte < 0x20 || byte === QUOTE || byte === BACKSLASH
    ? Buffer.from(JSON.stringify(String.fromCharCode(byte)).slice(1, -1))
    : undefined,
);
