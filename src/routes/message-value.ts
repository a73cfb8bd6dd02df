import { isUtf8 } from "node:buffer";
import { parseExactJson } from "../content/exact-json.ts";
import { ByteWriter, tagOf } from "../content/protobuf/byte-writer.ts";
import { invalidMessage, readVarint, type WireField, wireFields } from "../content/protobuf/fields.ts";
import type { RouteMessage, ValueForm } from "./schema-message.ts";

/** A value that a route answers as its message. */
export function toMessage(message: RouteMessage, json: string): Buffer {
  const writer = new ByteWriter();
  const value = parseExactJson(json);
  writeFields(writer, message, message.isWrapped ? { value } : value);
  return writer.take();
}

/**
 * A message as the value that its JSON would be.
 *
 * @throws HotpathError HP_MESSAGE_INVALID
 */
export function fromMessage(message: RouteMessage, bytes: Buffer): unknown {
  const value = readFields(message, bytes, 0);
  return message.isWrapped ? value["value"] : value;
}

/**
 * The values of a message as the texts that a URL has for them, by name.
 *
 * @throws HotpathError HP_MESSAGE_INVALID
 */
export function textsOf({ type, fields }: RouteMessage, bytes: Buffer): ReadonlyMap<string, readonly string[]> {
  const byNumber = new Map(fields.map((each) => [each.field.number, each]));
  const texts = new Map<string, string[]>();
  for (const wire of wireFields(bytes)) {
    const found = byNumber.get(wire.number);
    if (found === undefined) throw invalidMessage(`${type.name} has no field ${wire.number}`);
    const { field, form } = found;
    const element = form.kind === "list" ? form.element : form;
    const values = unpacked(element, wire).map((each) => textOf(field.key, element, each));
    // Of what is no list the last counts.
    texts.set(field.key, form.kind === "list" ? [...(texts.get(field.key) ?? []), ...values] : values.slice(-1));
  }
  return texts;
}

function textOf(key: string, form: ValueForm, wire: WireField): string {
  if (form.kind !== "int64") return String(readValue(key, form, wire, 0));
  expect(key, wire, 0);
  return String(BigInt.asIntN(64, wire.bits));
}

function writeFields(writer: ByteWriter, { fields }: RouteMessage, value: unknown): void {
  const members = typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  for (const { field, form } of fields) {
    const member = members[field.key];
    if (member === undefined || member === null) continue;
    if (form.kind !== "list") writeField(writer, field.number, form, member);
    else for (const item of member as readonly unknown[]) writeField(writer, field.number, form.element, item);
  }
}

function writeField(writer: ByteWriter, number: number, form: ValueForm, value: unknown): void {
  writer.reserve(20);
  writer.varint(tagOf(number, wireTypeOf(form)));
  switch (form.kind) {
    case "bool":
      writer.varint(value === true ? 1 : 0);
      return;
    case "int64":
      writer.int64(BigInt(typeof value === "number" ? Math.trunc(value) : JSON.stringify(value)));
      return;
    case "double":
      writer.at = writer.bytes.writeDoubleLE(
        Number(typeof value === "number" ? value : JSON.stringify(value)),
        writer.at,
      );
      return;
    case "message": {
      const begun = writer.begin(1);
      writeFields(writer, form.message, value);
      writer.end(begun, 1);
      return;
    }
    case "string":
      writer.text(typeof value === "string" ? value : JSON.stringify(value));
      return;
    default:
      writer.text(JSON.stringify(value));
  }
}

function wireTypeOf({ kind }: ValueForm): number {
  if (kind === "bool" || kind === "int64") return 0;
  return kind === "double" ? 1 : 2;
}

const MOST_NESTED = 64;

function readFields({ type, fields }: RouteMessage, bytes: Buffer, depth: number): Record<string, unknown> {
  if (depth > MOST_NESTED) throw invalidMessage(`messages are nested more than ${MOST_NESTED} deep`);
  const byNumber = new Map(fields.map((each) => [each.field.number, each]));
  const value: Record<string, unknown> = {};
  for (const wire of wireFields(bytes)) {
    const found = byNumber.get(wire.number);
    if (found === undefined) throw invalidMessage(`${type.name} has no field ${wire.number}`);
    const { field, form } = found;
    if (form.kind !== "list") {
      value[field.key] = readValue(field.key, form, wire, depth);
      continue;
    }
    const list = (value[field.key] ??= []) as unknown[];
    for (const each of unpacked(form.element, wire)) list.push(readValue(field.key, form.element, each, depth));
  }
  for (const { field, absent } of fields) if (absent !== undefined) value[field.key] ??= absent;
  return value;
}

/** Numbers of a list may stand together. */
function unpacked(element: ValueForm, wire: WireField): readonly WireField[] {
  const wireType = wireTypeOf(element);
  if (wire.wireType !== 2 || wireType === 2) return [wire];
  const { number, bytes } = wire;
  const found: WireField[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = wireType === 0 ? readVarint(bytes, at).end : at + 8;
    if (end > bytes.length) throw invalidMessage(`it ends within field ${number}`);
    const bits = wireType === 0 ? readVarint(bytes, at).bits : 0n;
    found.push({ number, wireType, bits, bytes: bytes.subarray(at, end), end });
    at = end;
  }
  return found;
}

function expect(key: string, { wireType }: WireField, expected: number): void {
  if (wireType !== expected) throw invalidMessage(`${key} has the wire type ${wireType} and not ${expected}`);
}

function readValue(key: string, form: ValueForm, wire: WireField, depth: number): unknown {
  const { bits, bytes } = wire;
  expect(key, wire, wireTypeOf(form));
  switch (form.kind) {
    case "bool":
      return bits !== 0n;
    case "int64":
      return wholeNumber(key, BigInt.asIntN(64, bits));
    case "double":
      return bytes.readDoubleLE(0);
    case "message":
      return readFields(form.message, bytes, depth + 1);
    default: {
      if (!isUtf8(bytes)) throw invalidMessage(`${key} is not UTF-8`);
      const text = bytes.toString("utf8");
      return form.kind === "json" ? parsed(key, text) : text;
    }
  }
}

/** What a handler gets is a number of JavaScript: one that it cannot hold is none. */
function wholeNumber(key: string, bits: bigint): number {
  const number = Number(bits);
  if (!Number.isSafeInteger(number)) throw invalidMessage(`${key} is a number of more than 53 bits`);
  return number;
}

function parsed(key: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalidMessage(`${key} is not JSON`);
  }
}
