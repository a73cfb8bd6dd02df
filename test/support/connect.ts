import { createFileRegistry, type DescService, fromBinary, type Message } from "@bufbuild/protobuf";
import {
  file_google_protobuf_field_mask as fieldMask,
  file_google_protobuf_timestamp as timestamp,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import type { ServedApi } from "./server.ts";

/** Calls without types, which the descriptors that the API itself answers give. */
export type Calls = Record<string, (request: object, options?: object) => Promise<Message & Record<string, unknown>>>;
export type Streams = Record<string, (request: object) => AsyncIterable<Message & Record<string, unknown>>>;

/** The services as the API describes them. */
export async function describeServices(
  api: Pick<ServedApi, "get">,
  path = "/schema.proto",
): Promise<(name: string) => DescService> {
  const { bytes } = await api.get(path, { accept: "application/x-protobuf" });
  const files = fromBinary(FileDescriptorSetSchema, bytes);
  files.file.unshift(timestamp.proto, fieldMask.proto);
  const registry = createFileRegistry(files);
  return (name) => {
    const service = registry.getService(name);
    if (service === undefined) throw new Error(`no service ${name}`);
    return service;
  };
}
