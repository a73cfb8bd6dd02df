import * as grpc from "@grpc/grpc-js";
import type protobuf from "protobufjs";
import { defer, type TestScope } from "./defer.ts";
import { decode, encode } from "./proto.ts";

type Message = Readonly<Record<string, unknown>>;

/** A client of gRPC's own library for messages that protobufjs reads and writes. */
export interface GrpcClient {
  readonly client: grpc.Client;
  unary(method: string, request: Message, options?: CallOptions): Promise<Message>;
  stream(method: string, request: Message, options?: CallOptions): grpc.ClientReadableStream<Message>;
}

export interface CallOptions {
  readonly metadata?: Readonly<Record<string, string>>;
  readonly deadlineMs?: number;
}

/** @param root with the services that are called */
export function grpcClient(
  t: TestScope,
  url: string,
  root: protobuf.Root,
  secure?: grpc.ChannelCredentials,
  options?: grpc.ClientOptions,
): GrpcClient {
  const client = new grpc.Client(new URL(url).host, secure ?? grpc.credentials.createInsecure(), options);
  defer(t, () => client.close());
  const typesOf = (method: string) => {
    const [service = "", name = ""] = method.split("/");
    const found = root.lookupService(service).methods[name];
    found?.resolve();
    return [
      found?.resolvedRequestType?.fullName.slice(1) ?? "",
      found?.resolvedResponseType?.fullName.slice(1) ?? "",
    ] as const;
  };
  const codec = (method: string) => {
    const [input, output] = typesOf(method);
    return {
      serialize: (message: Message) => Buffer.from(encode(root, input, message)),
      deserialize: (bytes: Buffer) => decode(root, output, bytes) as Message,
    };
  };
  return {
    client,
    unary(method, request, options = {}) {
      const { serialize, deserialize } = codec(method);
      return new Promise((resolve, reject) => {
        const answered = (error: grpc.ServiceError | null, answer?: Message) =>
          error === null ? resolve(answer ?? {}) : reject(error);
        client.makeUnaryRequest(
          `/${method}`,
          serialize,
          deserialize,
          request,
          metadataOf(options),
          optionsOf(options),
          answered,
        );
      });
    },
    stream(method, request, options = {}) {
      const { serialize, deserialize } = codec(method);
      return client.makeServerStreamRequest(
        `/${method}`,
        serialize,
        deserialize,
        request,
        metadataOf(options),
        optionsOf(options),
      );
    },
  };
}

function metadataOf({ metadata = {} }: CallOptions): grpc.Metadata {
  const sent = new grpc.Metadata();
  for (const [name, value] of Object.entries(metadata)) sent.set(name, value);
  return sent;
}

function optionsOf({ deadlineMs }: CallOptions): grpc.CallOptions {
  return deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs };
}

/** A call whose messages are taken as they are. */
export function rawCall(client: grpc.Client, path: string, bytes: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, asItIs, asItIs, bytes, (error, answer) =>
      error === null ? resolve(answer ?? Buffer.alloc(0)) : reject(error),
    );
  });
}

function asItIs(bytes: Buffer): Buffer {
  return bytes;
}

/** The code and the message that a call failed with. */
export async function failureOf(
  call: Promise<unknown>,
): Promise<{ code: number; details: string; metadata: grpc.Metadata }> {
  try {
    await call;
  } catch (error) {
    return error as { code: number; details: string; metadata: grpc.Metadata };
  }
  throw new Error("the call went well");
}
