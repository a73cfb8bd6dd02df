import { ByteWriter } from "../../content/protobuf/byte-writer.ts";
import { jsonOfBinary, shortest } from "./binary-json.ts";
import { AS_JSON, expressionOf } from "./expression-type.ts";
import { writeJsonRecord } from "./json-record.ts";
import { numericText } from "../binary/numeric-text.ts";
import { dateText, isInfinite, timestampText, timeText } from "../binary/temporal-text.ts";
import {
  ARRAY,
  BOOL,
  BYTES,
  DATE,
  ENUM,
  EXPRESSION,
  FLOAT4,
  FLOAT8,
  INT2,
  INT4,
  INT8,
  JSON_RECORD,
  JSON_TEXT,
  JSONB,
  NUMERIC,
  RECORD,
  RECORDS,
  TEXT,
  TIME,
  TIMESTAMP,
  TIMESTAMPTZ,
  UINT4,
  UUID,
} from "../binary/value-form.ts";
import { isPacked, type RecordField, type RecordPlan, type ValuePlan } from "./record-plan.ts";

/** Makes messages of records as `record_send` writes them: a count of fields, then type, length and value of each. */
export class RecordWriter {
  readonly writer = new ByteWriter();

  /** Records that follow one another, each as a message with a tag before it. Answers how many. */
  records(input: Buffer, begin: number, end: number, plan: RecordPlan, tag: number): number {
    let count = 0;
    for (let at = begin; at < end; count++) at = this.#message(input, at, plan, tag);
    return count;
  }

  /** The fields of one record; answers where it ends. */
  record(input: Buffer, begin: number, plan: RecordPlan): number {
    const { fields } = plan;
    const count = input.readInt32BE(begin);
    let at = begin + 4;
    for (let place = 0; place < count; place++) {
      const length = input.readInt32BE(at + 4);
      at += 8;
      if (length === -1) continue;
      const field = fields[place];
      if (field !== undefined) this.#field(input, at, at + length, field);
      at += length;
    }
    return at;
  }

  #message(input: Buffer, begin: number, plan: RecordPlan, tag: number): number {
    const { writer } = this;
    writer.reserve(10);
    writer.varint(tag);
    const { width } = plan;
    const begun = writer.begin(width);
    const end = this.record(input, begin, plan);
    plan.width = writer.end(begun, width);
    return end;
  }

  #field(input: Buffer, begin: number, end: number, field: RecordField): void {
    const { value, tag } = field;
    const { writer } = this;
    switch (value.form) {
      case ARRAY:
        this.#array(input, begin, end, field);
        return;
      case RECORD:
        this.#message(input, begin, recordOf(value), tag);
        return;
      case JSON_RECORD: {
        writer.reserve(5);
        writer.varint(tag);
        const begun = writer.begin(1);
        writeJsonRecord(writer, input.toString("utf8", begin, end), recordOf(value));
        writer.end(begun, 1);
        return;
      }
      case EXPRESSION:
        this.#expression(input, begin, end, field);
        return;
      case RECORDS:
        this.records(input, begin, end, recordOf(value), tag);
        return;
      default:
        // A tag, and more than any number takes.
        writer.reserve(20);
        writer.varint(tag);
        this.#value(input, begin, end, value);
    }
  }

  /** An entry of the map of expressions: its name, and its value in the field for its type, whose number stands before it. */
  #expression(input: Buffer, begin: number, end: number, { tag, value: { expression } }: RecordField): void {
    if (expression === undefined) return;
    const { writer } = this;
    const { form, valueTag } = expression.isJson ? AS_JSON : expressionOf(input.readInt32BE(begin - 8));
    writer.reserve(5);
    writer.varint(tag);
    const entry = writer.begin(1);
    writer.reserve(1);
    writer.varint(ENTRY_KEY);
    writer.blob(expression.name);
    writer.reserve(1);
    writer.varint(ENTRY_VALUE);
    const inner = writer.begin(1);
    writer.reserve(20);
    writer.varint(valueTag);
    if (form === FLOAT4) writer.at = writer.bytes.writeDoubleLE(shortest(input.readFloatBE(begin)), writer.at);
    else this.#value(input, begin, end, { form });
    writer.end(inner, 1);
    writer.end(entry, 1);
  }

  /** What follows the tag. There is room for a number. */
  #value(input: Buffer, begin: number, end: number, value: ValuePlan): void {
    const { writer } = this;
    switch (value.form) {
      case BOOL:
        writer.varint(input[begin] ?? 0);
        return;
      case INT2:
        writer.int32(input.readInt16BE(begin));
        return;
      case INT4:
        writer.int32(input.readInt32BE(begin));
        return;
      case UINT4:
        writer.varint(input.readUInt32BE(begin));
        return;
      case INT8:
        writer.varint64(input.readInt32BE(begin), input.readInt32BE(begin + 4));
        return;
      case FLOAT4:
        this.#reversed(input, begin, 4);
        return;
      case FLOAT8:
        this.#reversed(input, begin, 8);
        return;
      case JSONB:
        this.#copied(input, begin + 1, end);
        return;
      case TEXT:
      case JSON_TEXT:
      case BYTES:
        this.#copied(input, begin, end);
        return;
      case UUID:
        this.#uuid(input, begin);
        return;
      case ENUM:
        writer.varint(value.enumeration?.numbers.get(input.toString("latin1", begin, end)) ?? 0);
        return;
      case NUMERIC:
        writer.text(numericText(input, begin));
        return;
      case DATE:
        writer.text(dateText(input.readInt32BE(begin)));
        return;
      case TIME:
        writer.text(timeText(input.readInt32BE(begin) * 2 ** 32 + input.readUInt32BE(begin + 4)));
        return;
      case TIMESTAMP:
        writer.text(timestampText(input.readInt32BE(begin), input.readUInt32BE(begin + 4)));
        return;
      case TIMESTAMPTZ:
        this.#instant(input.readInt32BE(begin), input.readUInt32BE(begin + 4));
        return;
      default:
        throw new Error(`a value of the form ${value.form} has no bytes of its own`);
    }
  }

  #copied(input: Buffer, begin: number, end: number): void {
    const { writer } = this;
    writer.reserve(end - begin + 5);
    writer.varint(end - begin);
    writer.copy(input, begin, end);
  }

  #reversed(input: Buffer, begin: number, size: number): void {
    const { bytes, at } = this.writer;
    for (let index = 0; index < size; index++) bytes[at + index] = input[begin + size - 1 - index] ?? 0;
    this.writer.at = at + size;
  }

  #uuid(input: Buffer, begin: number): void {
    const { writer } = this;
    writer.reserve(37);
    const { bytes } = writer;
    let { at } = writer;
    bytes[at++] = 36;
    for (let index = 0; index < 16; index++) {
      if (index === 4 || index === 6 || index === 8 || index === 10) bytes[at++] = 0x2d;
      const byte = input[begin + index] ?? 0;
      bytes[at++] = HEX[byte >> 4] ?? 0;
      bytes[at++] = HEX[byte & 15] ?? 0;
    }
    writer.at = at;
  }

  /** A `google.protobuf.Timestamp`. Infinity has the least and the greatest number of seconds. */
  #instant(high: number, low: number): void {
    const { writer } = this;
    writer.reserve(24);
    const begun = writer.begin(1);
    if (isInfinite(high, low)) {
      writer.varint(SECONDS);
      writer.varint64(high, low);
    } else if (high >= EXACT_HIGH || high < -EXACT_HIGH) {
      const micros = (BigInt(high) << 32n) | BigInt(low);
      const fraction = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
      this.#seconds(Number((micros - fraction) / 1_000_000n) + EPOCH_SECONDS, Number(fraction));
    } else {
      const micros = high * 2 ** 32 + low;
      const seconds = Math.floor(micros / 1e6);
      this.#seconds(seconds + EPOCH_SECONDS, micros - seconds * 1e6);
    }
    writer.end(begun, 1);
  }

  #seconds(seconds: number, micros: number): void {
    const { writer } = this;
    if (seconds !== 0) {
      writer.varint(SECONDS);
      if (seconds > 0 && seconds < 2 ** 32) writer.varint(seconds);
      else writer.int64(BigInt(seconds));
    }
    if (micros === 0) return;
    writer.varint(NANOS);
    writer.varint(micros * 1000);
  }

  /** An array that is a list of values; whatever it is beside that stands in a field of its own, as JSON. */
  #array(input: Buffer, begin: number, end: number, { tag, value, exactTag, isNullable }: RecordField): void {
    const { writer } = this;
    const { element } = value;
    if (element === undefined) return;
    const dimensions = input.readInt32BE(begin);
    const hasNulls = input.readInt32BE(begin + 4) !== 0;
    const isEmpty = dimensions === 0;
    if (dimensions > 1 || (hasNulls && !isEmpty) || (isEmpty && isNullable)) {
      writer.reserve(5);
      writer.varint(exactTag);
      writer.text(jsonOfBinary(input, begin, end, value));
      return;
    }
    if (isEmpty) return;
    const count = input.readInt32BE(begin + 12);
    let at = begin + 20;
    if (!isPacked(element)) {
      for (let index = 0; index < count; index++) {
        const length = input.readInt32BE(at);
        at += 4;
        if (element.form === RECORD) {
          this.#message(input, at, recordOf(element), tag);
        } else {
          writer.reserve(20);
          writer.varint(tag);
          this.#value(input, at, at + length, element);
        }
        at += length;
      }
      return;
    }
    writer.reserve(5);
    writer.varint(tag);
    const begun = writer.begin(1);
    for (let index = 0; index < count; index++) {
      const length = input.readInt32BE(at);
      at += 4;
      writer.reserve(20);
      this.#value(input, at, at + length, element);
      at += length;
    }
    writer.end(begun, 1);
  }
}

function recordOf({ record }: ValuePlan): RecordPlan {
  if (record === undefined) throw new Error("a record without a plan");
  return record();
}

const HEX = Buffer.from("0123456789abcdef");
/** Of an entry of a map. */
const ENTRY_KEY = 0x0a;
const ENTRY_VALUE = 0x12;
const SECONDS = 0x08;
const NANOS = 0x10;
/** Of 2000-01-01. */
const EPOCH_SECONDS = 946_684_800;
/** Numbers whose upper half is less are exact. */
const EXACT_HIGH = 2 ** 20;
