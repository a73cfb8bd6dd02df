import protobuf from "protobufjs";
import type { ServedApi } from "./server.ts";

/** The messages of an API as protobufjs, which has nothing of ours, reads them from its `.proto` file. */
export async function loadProto(api: Pick<ServedApi, "get">, path = "/schema.proto"): Promise<protobuf.Root> {
  const { status, text } = await api.get(path);
  if (status !== 200) throw new Error(`GET ${path} answered ${status}: ${text.slice(0, 2000)}`);
  return parseProto(text);
}

/** With what Google's own files declare, which are imported. */
export function parseProto(text: string): protobuf.Root {
  const root = new protobuf.Root();
  protobuf.parse(GOOGLE, root, { keepCase: true });
  protobuf.parse(text, root, { keepCase: true });
  root.resolveAll();
  return root;
}

/** A message as plain values: 64-bit numbers as texts, bytes in base64, enums by name. Only what is set. */
export function decode(root: protobuf.Root, name: string, bytes: Uint8Array): Record<string, unknown> {
  const type = root.lookupType(name);
  return type.toObject(type.decode(bytes), { longs: String, bytes: String, enums: String });
}

export function encode(root: protobuf.Root, name: string, value: Readonly<Record<string, unknown>>): Uint8Array {
  const type = root.lookupType(name);
  return type.encode(type.fromObject(value)).finish();
}

const GOOGLE = `syntax = "proto3"; package google.protobuf;
  message Timestamp { int64 seconds = 1; int32 nanos = 2; }
  message FieldMask { repeated string paths = 1; }
  message Empty {}
  message Any { string type_url = 1; bytes value = 2; }`;
