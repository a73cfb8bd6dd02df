/** What a `.proto` file declares, as far as an API needs it (Protocol Buffers, "Language Guide (proto 3)"). */
export interface ProtoFile {
  readonly package: string;
  /** Lines before everything else, without their slashes. */
  readonly comment: string;
  readonly messages: readonly MessageType[];
  readonly enums: readonly EnumType[];
  readonly services: readonly ServiceType[];
}

export interface MessageType {
  /** Unique within its file, or within the message that it is nested in. */
  readonly name: string;
  readonly comment: string | null;
  fields: readonly MessageField[];
  /** Messages declared inside of it. */
  readonly nested: readonly MessageType[];
  /** Numbers of fields that there were. */
  readonly reserved: readonly number[];
}

export interface MessageField {
  readonly name: string;
  /** Its key in JSON: the column as it is called. */
  readonly key: string;
  readonly number: number;
  readonly type: FieldType;
  /** `optional`: whether it is there shows. `single`: messages, where it shows anyway. `map`: values of the type by texts. */
  readonly label: "optional" | "repeated" | "single" | "map";
  readonly comment: string | null;
}

export type FieldType =
  | { readonly kind: "scalar"; readonly scalar: Scalar }
  /** Of the same file, as it is called from its package on (`Users.List`), or from elsewhere with a leading dot. */
  | { readonly kind: "message"; readonly name: string }
  | { readonly kind: "enum"; readonly name: string };

export type Scalar = "bool" | "int32" | "int64" | "uint32" | "float" | "double" | "string" | "bytes";

export interface EnumType {
  readonly name: string;
  readonly comment: string | null;
  /** Beside 0, which nothing has. */
  readonly values: readonly EnumValue[];
}

export interface EnumValue {
  readonly name: string;
  /** As the source spells it. */
  readonly label: string;
  readonly number: number;
}

export interface ServiceType {
  readonly name: string;
  readonly comment: string | null;
  readonly methods: readonly MethodType[];
}

export interface MethodType {
  readonly name: string;
  readonly comment: string | null;
  readonly input: string;
  readonly output: string;
  readonly streams: boolean;
  /** It changes nothing, so that it may be asked by GET. */
  readonly isRead: boolean;
}

export const TIMESTAMP: FieldType = { kind: "message", name: ".google.protobuf.Timestamp" };
export const FIELD_MASK: FieldType = { kind: "message", name: ".google.protobuf.FieldMask" };

/** Files of Google's that types come from which begin with a dot. */
export const IMPORTS: ReadonlyMap<string, string> = new Map([
  [".google.protobuf.Timestamp", "google/protobuf/timestamp.proto"],
  [".google.protobuf.FieldMask", "google/protobuf/field_mask.proto"],
]);

/** Field numbers that Protocol Buffers keeps for itself. */
export const FIRST_RESERVED = 19_000;
export const LAST_RESERVED = 19_999;

export function scalar(name: Scalar): FieldType {
  return { kind: "scalar", scalar: name };
}

/** The type of the wire that a field's values are written with: 0 varint, 1 eight bytes, 2 with a length, 5 four bytes. */
export function wireTypeOf(type: FieldType): 0 | 1 | 2 | 5 {
  if (type.kind === "enum") return 0;
  if (type.kind === "message") return 2;
  switch (type.scalar) {
    case "bool":
    case "int32":
    case "int64":
    case "uint32":
      return 0;
    case "double":
      return 1;
    case "float":
      return 5;
    case "string":
    case "bytes":
      return 2;
    default:
      return type.scalar satisfies never;
  }
}

/** All types that a file's messages use from elsewhere, as files to import. */
export function importsOf({ messages, services }: ProtoFile): readonly string[] {
  const found = new Set<string>();
  const use = (name: string): void => {
    const file = IMPORTS.get(name);
    if (file !== undefined) found.add(file);
  };
  const visit = ({ fields, nested }: MessageType): void => {
    for (const { type } of fields) if (type.kind === "message") use(type.name);
    nested.forEach(visit);
  };
  messages.forEach(visit);
  for (const { methods } of services) for (const { input, output } of methods) [input, output].forEach(use);
  return [...found].sort();
}
