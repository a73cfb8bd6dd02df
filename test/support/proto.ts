import protobuf from "protobufjs";
import type { ServedApi } from "./server.ts";

/** The messages of an API as protobufjs, which has nothing of ours, reads them from its `.proto` file. */
export async function loadProto(
  api: Pick<ServedApi, "get">,
  headers: Readonly<Record<string, string>> = {},
): Promise<protobuf.Root> {
  const { status, text } = await api.get("/schema.proto", headers);
  if (status !== 200) throw new Error(`GET /schema.proto answered ${status}: ${text.slice(0, 2000)}`);
  return parseProto(text);
}

/** With what Google's own files declare, which are imported. */
export function parseProto(text: string): protobuf.Root {
  const root = new protobuf.Root();
  protobuf.parse(GOOGLE, root, { keepCase: true });
  protobuf.parse(RPC, root, { keepCase: true });
  protobuf.parse(HEALTH, root, { keepCase: true });
  protobuf.parse(REFLECTION, root, { keepCase: true });
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

const RPC = `syntax = "proto3"; package google.rpc;
  message Status { int32 code = 1; string message = 2; repeated google.protobuf.Any details = 3; }
  message ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; }`;

const HEALTH = `syntax = "proto3"; package grpc.health.v1;
  message HealthCheckRequest { string service = 1; }
  message HealthCheckResponse {
    enum ServingStatus { UNKNOWN = 0; SERVING = 1; NOT_SERVING = 2; SERVICE_UNKNOWN = 3; }
    ServingStatus status = 1;
  }`;

const REFLECTION = `syntax = "proto3"; package grpc.reflection.v1;
  message ServerReflectionRequest {
    string host = 1;
    oneof message_request { string file_by_filename = 3; string file_containing_symbol = 4; string list_services = 7; }
  }
  message ServerReflectionResponse {
    string valid_host = 1; ServerReflectionRequest original_request = 2;
    oneof message_response {
      FileDescriptorResponse file_descriptor_response = 4; ListServiceResponse list_services_response = 6; ErrorResponse error_response = 7;
    }
  }
  message FileDescriptorResponse { repeated bytes file_descriptor_proto = 1; }
  message ListServiceResponse { repeated ServiceResponse service = 1; }
  message ServiceResponse { string name = 1; }
  message ErrorResponse { int32 error_code = 1; string error_message = 2; }`;
