import { ByteWriter, tagOf } from "./byte-writer.ts";
import { constantName } from "./names.ts";
import { defaultKey } from "./proto-text.ts";
import {
  type EnumType,
  type FieldType,
  importsOf,
  type MessageField,
  type MessageType,
  type ProtoFile,
  type Scalar,
  type ServiceType,
} from "./schema.ts";

/** A `google.protobuf.FileDescriptorProto`: what `protoc` makes of the file's text. */
export function fileDescriptor(file: ProtoFile, name: string): Buffer {
  const writer = new ByteWriter();
  text(writer, 1, name);
  text(writer, 2, file.package);
  for (const path of importsOf(file)) text(writer, 3, path);
  const root = `.${file.package}`;
  for (const message of file.messages)
    nested(writer, 4, () => messageDescriptor(writer, message, root, `${root}.${message.name}`));
  for (const type of file.enums) nested(writer, 5, () => enumDescriptor(writer, type));
  for (const service of file.services) nested(writer, 6, () => serviceDescriptor(writer, service, root));
  text(writer, 12, "proto3");
  return writer.take();
}

/** Files of Google's that others import. */
export const WELL_KNOWN: ReadonlyMap<string, ProtoFile> = new Map([
  [
    "google/protobuf/timestamp.proto",
    wellKnown("Timestamp", [
      ["seconds", "int64", false],
      ["nanos", "int32", false],
    ]),
  ],
  ["google/protobuf/field_mask.proto", wellKnown("FieldMask", [["paths", "string", true]])],
]);

function wellKnown(name: string, fields: readonly (readonly [string, Scalar, boolean])[]): ProtoFile {
  const message: MessageType = {
    name,
    comment: null,
    nested: [],
    reserved: [],
    fields: fields.map(([field, type, isRepeated], index) => ({
      name: field,
      key: field,
      number: index + 1,
      type: { kind: "scalar", scalar: type },
      label: isRepeated ? "repeated" : "single",
      comment: null,
    })),
  };
  return { package: "google.protobuf", comment: "", messages: [message], enums: [], services: [] };
}

/** @param place its full name */
function messageDescriptor(writer: ByteWriter, message: MessageType, root: string, place: string): void {
  text(writer, 1, message.name);
  // Whether an optional field is there is shown by a oneof of its own, as protoc makes it.
  let oneofs = 0;
  for (const field of message.fields) {
    const oneof = field.label === "optional" ? oneofs++ : undefined;
    nested(writer, 2, () => fieldDescriptor(writer, field, root, oneof, place));
  }
  for (const inner of message.nested) {
    nested(writer, 3, () => messageDescriptor(writer, inner, root, `${place}.${inner.name}`));
  }
  for (const field of message.fields) {
    if (field.label === "map") nested(writer, 3, () => entryDescriptor(writer, field, root, place));
  }
  for (const field of message.fields) {
    if (field.label === "optional") nested(writer, 8, () => text(writer, 1, `_${field.name}`));
  }
  for (const number of message.reserved) {
    nested(writer, 9, () => {
      varint(writer, 1, number);
      varint(writer, 2, number + 1);
    });
  }
}

const SCALAR_TYPES: Readonly<Record<Scalar, number>> = {
  double: 1,
  float: 2,
  int64: 3,
  int32: 5,
  bool: 8,
  string: 9,
  bytes: 12,
  uint32: 13,
};

/** A map is a list of messages with a key and a value, which say that they are a map's. */
function entryDescriptor(writer: ByteWriter, { name, type }: MessageField, root: string, place: string): void {
  text(writer, 1, entryName(name));
  const parts = [part("key", 1, { kind: "scalar", scalar: "string" }), part("value", 2, type)];
  for (const field of parts) nested(writer, 2, () => fieldDescriptor(writer, field, root, undefined, place));
  nested(writer, 7, () => varint(writer, 7, 1));
}

function part(name: string, number: number, type: FieldType): MessageField {
  return { name, key: name, number, type, label: "single", comment: null };
}

/** As protoc calls it. */
function entryName(field: string): string {
  const key = defaultKey(field);
  return `${key.charAt(0).toUpperCase()}${key.slice(1)}Entry`;
}

function fieldDescriptor(
  writer: ByteWriter,
  field: MessageField,
  root: string,
  oneof: number | undefined,
  place: string,
): void {
  const isMap = field.label === "map";
  text(writer, 1, field.name);
  varint(writer, 3, field.number);
  varint(writer, 4, field.label === "repeated" || isMap ? 3 : 1);
  varint(writer, 5, isMap ? MESSAGE : typeNumber(field.type));
  if (isMap) text(writer, 6, `${place}.${entryName(field.name)}`);
  else if (field.type.kind !== "scalar") text(writer, 6, absolute(field.type.name, root));
  if (oneof !== undefined) varint(writer, 9, oneof);
  text(writer, 10, field.key === defaultKey(field.name) ? defaultKey(field.name) : field.key);
  if (oneof !== undefined) varint(writer, 17, 1);
}

const MESSAGE = 11;

function typeNumber(type: FieldType): number {
  if (type.kind === "message") return MESSAGE;
  return type.kind === "enum" ? 14 : SCALAR_TYPES[type.scalar];
}

function absolute(name: string, root: string): string {
  return name.startsWith(".") ? name : `${root}.${name}`;
}

function enumDescriptor(writer: ByteWriter, { name, values }: EnumType): void {
  text(writer, 1, name);
  for (const value of [{ name: `${constantName(name)}_UNSPECIFIED`, number: 0 }, ...values]) {
    nested(writer, 2, () => {
      text(writer, 1, value.name);
      varint(writer, 2, value.number);
    });
  }
}

function serviceDescriptor(writer: ByteWriter, { name, methods }: ServiceType, root: string): void {
  text(writer, 1, name);
  for (const method of methods) {
    nested(writer, 2, () => {
      text(writer, 1, method.name);
      text(writer, 2, absolute(method.input, root));
      text(writer, 3, absolute(method.output, root));
      // idempotency_level = NO_SIDE_EFFECTS
      if (method.isRead) nested(writer, 4, () => varint(writer, 34, 1));
      if (method.streams) varint(writer, 6, 1);
    });
  }
}

function text(writer: ByteWriter, number: number, value: string): void {
  writer.reserve(10);
  writer.varint(tagOf(number, 2));
  writer.text(value);
}

function varint(writer: ByteWriter, number: number, value: number): void {
  writer.reserve(15);
  writer.varint(tagOf(number, 0));
  writer.varint(value);
}

function nested(writer: ByteWriter, number: number, write: () => void): void {
  writer.reserve(10);
  writer.varint(tagOf(number, 2));
  const begun = writer.begin(1);
  write();
  writer.end(begun, 1);
}
