import { fileDescriptor } from "../content/protobuf/file-descriptor.ts";
import { ByteWriter } from "../content/protobuf/byte-writer.ts";
import { protoText } from "../content/protobuf/proto-text.ts";
import type { MessageType, MethodType, ProtoFile } from "../content/protobuf/schema.ts";
import type { Route } from "./route.ts";
import { messagesOf, ROUTES_PACKAGE, ROUTES_SERVICE } from "./route-messages.ts";
import { describedRoutes } from "./route-names.ts";

/** The `.proto` file of routes. */
export async function routesProto(routes: readonly Route[]): Promise<string> {
  return protoText(await fileOf(routes));
}

/** The same as a `google.protobuf.FileDescriptorSet` of one file. */
export async function routesDescriptor(routes: readonly Route[]): Promise<Buffer> {
  const descriptor = fileDescriptor(await fileOf(routes), `${ROUTES_PACKAGE}.proto`);
  const writer = new ByteWriter(descriptor.length + 10);
  writer.varint(0x0a);
  writer.blob(descriptor);
  return writer.take();
}

async function fileOf(routes: readonly Route[]): Promise<ProtoFile> {
  const messages: MessageType[] = [];
  const methods: MethodType[] = [];
  for (const route of describedRoutes(routes)) {
    const { name, request, body, reply } = await messagesOf(route, routes);
    messages.push(request, ...(body === undefined ? [] : [body.type]), reply.type);
    methods.push({
      name,
      comment: [`${route.method} ${route.path}`, route.options.summary ?? ""].join("\n").trim(),
      input: request.name,
      output: reply.type.name,
      streams: false,
      isRead: route.method === "GET",
    });
  }
  return {
    package: ROUTES_PACKAGE,
    comment: "Made by hotpath from the schemas of the routes.",
    messages,
    enums: [],
    services: [{ name: ROUTES_SERVICE, comment: null, methods }],
  };
}
