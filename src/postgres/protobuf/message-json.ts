import { isUtf8 } from "node:buffer";
import { invalidMessage, readVarint, type WireField, wireFields } from "../../content/protobuf/fields.ts";
import { wireTypeOf } from "../../content/protobuf/schema.ts";
import { isTooDeep } from "../../http/json-depth.ts";
import type { RowField } from "./row-message.ts";
import { timestampText } from "../binary/temporal-text.ts";
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
import { isPacked, type RecordField, type RecordPlan, type ValuePlan } from "./record-plan.ts";

/**
 * A message as the JSON that the database takes for it: what is not set is not there.
 *
 * @param name of the message, for whoever reads the refusal
 * @throws HotpathError HP_MESSAGE_INVALID
 */
export function messageJson(bytes: Buffer, name: string, fields: Iterable<RowField>): string {
  const byNumber = new Map<number, Target>();
  for (const { record, exact } of fields) {
    byNumber.set(record.field.number, { record, isExact: false });
    if (exact !== undefined) byNumber.set(exact.number, { record, isExact: true });
  }
  return objectText(bytes, name, byNumber, 0);
}

/** The rows of a list, each as JSON. */
export function listJson(bytes: Buffer, name: string, fields: readonly RowField[]): string {
  const rows: string[] = [];
  for (const { number, wireType, bytes: row } of wireFields(bytes)) {
    if (number !== 1 || wireType !== 2) throw invalidMessage(`${name}.List has no such field ${number}`);
    rows.push(messageJson(row, name, fields));
  }
  return `[${rows.join(",")}]`;
}

interface Target {
  readonly record: RecordField;
  /** The field with the whole array as JSON. */
  readonly isExact: boolean;
}

const MOST_NESTED = 64;

function objectText(bytes: Buffer, name: string, byNumber: ReadonlyMap<number, Target>, depth: number): string {
  if (depth > MOST_NESTED) throw invalidMessage(`messages are nested more than ${MOST_NESTED} deep`);
  const found = new Map<RecordField, WireField[]>();
  const exact = new Map<RecordField, string>();
  for (const wire of wireFields(bytes)) {
    const target = byNumber.get(wire.number);
    if (target === undefined) throw invalidMessage(`${name} has no field ${wire.number} that can be written`);
    const { record, isExact } = target;
    if (isExact) {
      exact.set(record, jsonOf(record.field.key, textOf(record.field.key, wire)));
      continue;
    }
    const before = found.get(record);
    if (before === undefined) found.set(record, [wire]);
    else before.push(wire);
  }
  const members: string[] = [];
  for (const [record, wires] of found) {
    if (exact.has(record)) continue;
    members.push(`${JSON.stringify(record.field.key)}:${fieldText(record, wires, depth)}`);
  }
  for (const [{ field }, text] of exact) members.push(`${JSON.stringify(field.key)}:${text}`);
  return `{${members.join(",")}}`;
}

function fieldText({ field, value }: RecordField, wires: readonly WireField[], depth: number): string {
  if (value.form === ARRAY) return listText(field.key, value.element, wires, depth);
  const last = wires.at(-1);
  if (last === undefined) return "null";
  expect(field.key, last, wireTypeOf(field.type));
  // Of a message that comes in parts all count, of anything else the last.
  const isMessage = field.type.kind === "message";
  const whole =
    isMessage && wires.length > 1 ? { ...last, bytes: Buffer.concat(wires.map(({ bytes }) => bytes)) } : last;
  return valueText(field.key, value, whole, depth);
}

function listText(key: string, element: ValuePlan | undefined, wires: readonly WireField[], depth: number): string {
  if (element === undefined) throw new Error("an array without elements");
  const values = wires.flatMap((wire) =>
    isPacked(element) && wire.wireType === 2 ? [...unpack(element, wire)] : [wire],
  );
  return `[${values
    .map((wire) => {
      expect(key, wire, elementWireType(element));
      return valueText(key, element, wire, depth);
    })
    .join(",")}]`;
}

function elementWireType(element: ValuePlan): number {
  if (element.form === FLOAT4) return 5;
  if (element.form === FLOAT8) return 1;
  return isPacked(element) ? 0 : 2;
}

function* unpack(element: ValuePlan, { number, bytes }: WireField): Generator<WireField, void> {
  const wireType = elementWireType(element);
  let at = 0;
  while (at < bytes.length) {
    if (wireType === 0) {
      const { bits, end } = readVarint(bytes, at);
      yield { number, wireType, bits, bytes: NO_BYTES, end };
      at = end;
    } else {
      const size = wireType === 1 ? 8 : 4;
      if (size > bytes.length - at) throw invalidMessage(`it ends within field ${number}`);
      yield { number, wireType, bits: 0n, bytes: bytes.subarray(at, at + size), end: at + size };
      at += size;
    }
  }
}

function expect(key: string, { wireType }: WireField, expected: number): void {
  if (wireType === expected) return;
  throw invalidMessage(`${key} has the wire type ${wireType} and not ${expected}: it was written as another type`);
}

function valueText(key: string, value: ValuePlan, wire: WireField, depth: number): string {
  const { bits, bytes } = wire;
  switch (value.form) {
    case BOOL:
      return bits === 0n ? "false" : "true";
    case INT2:
    case INT4:
      return String(BigInt.asIntN(32, bits));
    case UINT4:
      return String(BigInt.asUintN(32, bits));
    case INT8:
      return String(BigInt.asIntN(64, bits));
    case FLOAT4:
      return numberText(bytes.readFloatLE(0));
    case FLOAT8:
      return numberText(bytes.readDoubleLE(0));
    case BYTES:
      return `"\\\\x${bytes.toString("hex")}"`;
    case JSON_TEXT:
    case JSONB:
      return jsonOf(key, textOf(key, wire));
    case ENUM: {
      const label = value.enumeration?.labels.get(Number(BigInt.asIntN(32, bits)));
      if (label === undefined) throw invalidMessage(`${key} has a number that ${value.enumeration?.type.name} has not`);
      return JSON.stringify(label);
    }
    case TIMESTAMPTZ:
      return JSON.stringify(instantText(key, bytes));
    case RECORD:
    case JSON_RECORD:
      return objectText(bytes, key, targetsOf(value), depth + 1);
    default:
      return JSON.stringify(textOf(key, wire));
  }
}

function targetsOf({ record }: ValuePlan): ReadonlyMap<number, Target> {
  const plan = record?.();
  if (plan === undefined) throw new Error("a record without a plan");
  let known = targets.get(plan);
  if (known === undefined) {
    known = new Map(
      plan.fields.flatMap((field): [number, Target][] => [
        [field.field.number, { record: field, isExact: false }],
        ...(field.exactTag === 0 ? [] : [[field.exactTag >>> 3, { record: field, isExact: true }] as [number, Target]]),
      ]),
    );
    targets.set(plan, known);
  }
  return known;
}

const targets = new WeakMap<RecordPlan, ReadonlyMap<number, Target>>();

function numberText(number: number): string {
  return Number.isFinite(number) ? String(number) : JSON.stringify(String(number));
}

function textOf(key: string, wire: WireField): string {
  expect(key, wire, 2);
  if (!isUtf8(wire.bytes)) throw invalidMessage(`${key} is not UTF-8`);
  return wire.bytes.toString("utf8");
}

function jsonOf(key: string, text: string): string {
  try {
    if (!isTooDeep(Buffer.from(text))) {
      JSON.parse(text);
      return text;
    }
  } catch {
    // Said below.
  }
  throw invalidMessage(`${key} is not JSON`);
}

/** A `google.protobuf.Timestamp`, whose least and greatest number of seconds mean infinity. */
function instantText(key: string, bytes: Buffer): string {
  let seconds = 0n;
  let nanos = 0n;
  for (const { number, wireType, bits } of wireFields(bytes)) {
    if ((number !== 1 && number !== 2) || wireType !== 0) throw invalidMessage(`${key} is no Timestamp`);
    if (number === 1) seconds = BigInt.asIntN(64, bits);
    else nanos = BigInt.asIntN(32, bits);
  }
  if (seconds === MOST) return "infinity";
  if (seconds === LEAST) return "-infinity";
  const micros = (seconds - EPOCH_SECONDS) * 1_000_000n + nanos / 1000n;
  if (nanos < 0n || nanos > 999_999_999n || micros > MOST || micros < LEAST) {
    throw invalidMessage(`${key} is a Timestamp out of range`);
  }
  return timestampText(Number(micros >> 32n), Number(micros & 0xffff_ffffn), "+00:00");
}

const MOST = 2n ** 63n - 1n;
const LEAST = -(2n ** 63n);
const EPOCH_SECONDS = 946_684_800n;
const NO_BYTES = Buffer.alloc(0);
