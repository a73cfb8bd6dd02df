import { parseExactJson } from "../../content/exact-json.ts";
import { type ByteWriter, tagOf } from "../../content/protobuf/byte-writer.ts";
import { wireTypeOf } from "../../content/protobuf/schema.ts";
import {
  ARRAY,
  BOOL,
  BYTES,
  ENUM,
  FLOAT4,
  FLOAT8,
  INT2,
  INT4,
  INT8,
  JSON_RECORD,
  JSON_TEXT,
  JSONB,
  RECORD,
  TIMESTAMPTZ,
  UINT4,
} from "../binary/value-form.ts";
import type { RecordField, RecordPlan, ValuePlan } from "./record-plan.ts";

/**
 * Writes the fields of a composite value that came as JSON: for those with something in them that has no binary form here. Members without
 * a value are left out.
 */
export function writeJsonRecord(writer: ByteWriter, text: string, plan: RecordPlan): void {
  writeMembers(writer, parseExactJson(text), plan);
}

function writeMembers(writer: ByteWriter, value: unknown, { fields }: RecordPlan): void {
  if (typeof value !== "object" || value === null) return;
  const members = value as Readonly<Record<string, unknown>>;
  for (const field of fields) {
    const member = members[field.field.key];
    if (member !== null && member !== undefined) writeField(writer, member, field);
  }
}

function writeField(writer: ByteWriter, member: unknown, { field, value, tag, exactTag }: RecordField): void {
  if (value.form !== ARRAY) {
    writer.reserve(5);
    writer.varint(tag);
    writeValue(writer, member, value);
    return;
  }
  const { element } = value;
  const list = Array.isArray(member) ? (member as readonly unknown[]) : [];
  const isPlain = list.length > 0 && list.every((item) => item !== null && !Array.isArray(item));
  if (element === undefined || !isPlain) {
    writer.reserve(5);
    writer.varint(exactTag);
    writer.text(JSON.stringify(member));
    return;
  }
  for (const item of list) {
    writer.reserve(5);
    // Each by itself, which readers must take as well as a packed list.
    writer.varint(tagOf(field.number, wireTypeOf(field.type)));
    writeValue(writer, item, element);
  }
}

function writeValue(writer: ByteWriter, value: unknown, plan: ValuePlan): void {
  writer.reserve(20);
  switch (plan.form) {
    case BOOL:
      writer.varint(value === true ? 1 : 0);
      return;
    case INT2:
    case INT4:
      writer.int32(Number(value));
      return;
    case UINT4:
      writer.varint(Number(value));
      return;
    case INT8:
      writer.int64(BigInt(textOf(value)));
      return;
    case FLOAT4:
      writer.at = writer.bytes.writeFloatLE(Number(value), writer.at);
      return;
    case FLOAT8:
      writer.at = writer.bytes.writeDoubleLE(Number(value), writer.at);
      return;
    case ENUM:
      writer.varint(plan.enumeration?.numbers.get(Buffer.from(textOf(value)).toString("latin1")) ?? 0);
      return;
    case BYTES:
      writer.blob(Buffer.from(textOf(value).slice(2), "hex"));
      return;
    case JSON_TEXT:
    case JSONB:
      writer.text(JSON.stringify(value));
      return;
    case TIMESTAMPTZ:
      writeInstant(writer, textOf(value));
      return;
    case RECORD:
    case JSON_RECORD: {
      const begun = writer.begin(1);
      if (plan.record !== undefined) writeMembers(writer, value, plan.record());
      writer.end(begun, 1);
      return;
    }
    default:
      writer.text(textOf(value));
  }
}

/** Numbers that JavaScript cannot hold are written as they came. */
function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function writeInstant(writer: ByteWriter, text: string): void {
  const begun = writer.begin(1);
  writer.reserve(24);
  const seconds = secondsOf(text);
  const [, fraction = ""] = /\.(\d+)/.exec(text) ?? [];
  writer.varint(0x08);
  writer.int64(seconds);
  if (fraction !== "") {
    writer.varint(0x10);
    writer.varint(Number(fraction.padEnd(9, "0")));
  }
  writer.end(begun, 1);
}

/** Of ISO 8601 as PostgreSQL writes it: years of more than four digits, and those before the first with BC behind them. */
function secondsOf(text: string): bigint {
  if (text === "infinity") return 2n ** 63n - 1n;
  if (text === "-infinity") return -(2n ** 63n);
  const parts =
    /^(\d+)-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:Z|([+-])(\d\d)(?::?(\d\d))?(?::?(\d\d))?)( BC)?$/.exec(text);
  if (parts === null) return 0n;
  const at = (place: number): number => Number(parts[place] ?? 0);
  const year = parts[11] === undefined ? at(1) : 1 - at(1);
  // Date knows 270,000 years: others are moved by whole cycles of the calendar, which have 146,097 days.
  const cycles = Math.floor(year / 400);
  const utc = Date.UTC(2000, at(2) - 1, at(3), at(4), at(5), at(6));
  const moved = new Date(utc);
  moved.setUTCFullYear(2000 + (year - cycles * 400), at(2) - 1, at(3));
  const offset = (at(8) * 3600 + at(9) * 60 + at(10)) * (parts[7] === "-" ? -1 : 1);
  return BigInt(moved.getTime() / 1000 - offset) + BigInt(cycles - 5) * 146_097n * 86_400n;
}
