import { numericText } from "../binary/numeric-text.ts";
import { dateText, timestampText, timeText } from "../binary/temporal-text.ts";
import {
  ARRAY,
  BOOL,
  BYTES,
  DATE,
  FLOAT4,
  FLOAT8,
  INT2,
  INT4,
  INT8,
  JSON_TEXT,
  JSONB,
  NUMERIC,
  RECORD,
  TIME,
  TIMESTAMP,
  TIMESTAMPTZ,
  UINT4,
  UUID,
} from "../binary/value-form.ts";
import type { ValuePlan } from "./record-plan.ts";

/** A value in PostgreSQL's binary format as JSON, with what its `to_json` would write. */
export function jsonOfBinary(input: Buffer, begin: number, end: number, value: ValuePlan): string {
  switch (value.form) {
    case BOOL:
      return input[begin] === 0 ? "false" : "true";
    case INT2:
      return String(input.readInt16BE(begin));
    case INT4:
      return String(input.readInt32BE(begin));
    case UINT4:
      return String(input.readUInt32BE(begin));
    case INT8:
      return String(input.readBigInt64BE(begin));
    case FLOAT4:
      return floatText(shortest(input.readFloatBE(begin)));
    case FLOAT8:
      return floatText(input.readDoubleBE(begin));
    case NUMERIC: {
      const text = numericText(input, begin);
      return /\d/.test(text) ? text : JSON.stringify(text);
    }
    case JSON_TEXT:
      return input.toString("utf8", begin, end);
    case JSONB:
      return input.toString("utf8", begin + 1, end);
    case BYTES:
      return JSON.stringify(`\\x${input.toString("hex", begin, end)}`);
    case UUID:
      return JSON.stringify(
        input.toString("hex", begin, end).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5"),
      );
    case DATE:
      return JSON.stringify(dateText(input.readInt32BE(begin)));
    case TIME:
      return JSON.stringify(timeText(Number(input.readBigInt64BE(begin))));
    case TIMESTAMP:
      return JSON.stringify(timestampText(input.readInt32BE(begin), input.readUInt32BE(begin + 4)));
    case TIMESTAMPTZ:
      return JSON.stringify(timestampText(input.readInt32BE(begin), input.readUInt32BE(begin + 4), "+00:00"));
    case ARRAY:
      return arrayText(input, begin, value.element);
    case RECORD:
      return recordText(input, begin, value);
    default:
      return JSON.stringify(input.toString("utf8", begin, end));
  }
}

/** What JSON has no number for is a text. */
function floatText(number: number): string {
  return Number.isFinite(number) ? String(number) : JSON.stringify(String(number));
}

/** A number of 32 bits with as few digits as tell it from its neighbours. */
export function shortest(number: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const candidate = Number(number.toPrecision(digits));
    if (Math.fround(candidate) === number) return candidate;
  }
  return number;
}

function arrayText(input: Buffer, begin: number, element: ValuePlan | undefined): string {
  if (element === undefined) throw new Error("an array without elements");
  const dimensions = input.readInt32BE(begin);
  if (dimensions === 0) return "[]";
  const sizes = Array.from({ length: dimensions }, (_, dimension) => input.readInt32BE(begin + 12 + dimension * 8));
  let at = begin + 12 + dimensions * 8;
  const list = (depth: number): string => {
    if (depth === dimensions) {
      const length = input.readInt32BE(at);
      at += 4;
      if (length === -1) return "null";
      at += length;
      return jsonOfBinary(input, at - length, at, element);
    }
    return `[${Array.from({ length: sizes[depth] ?? 0 }, () => list(depth + 1)).join(",")}]`;
  };
  return list(0);
}

function recordText(input: Buffer, begin: number, { record }: ValuePlan): string {
  let at = begin + 4;
  const members = (record?.().fields ?? []).map(({ field, value }) => {
    const length = input.readInt32BE(at + 4);
    at += 8;
    const text = length === -1 ? "null" : jsonOfBinary(input, at, at + length, value);
    at += Math.max(0, length);
    return `${JSON.stringify(field.key)}:${text}`;
  });
  return `{${members.join(",")}}`;
}
