import type { Codec } from "./codec.ts";
import type { Procedure } from "../../api/procedures.ts";
import { COMPRESS_AT_ONCE_BYTES, compress, compressSync } from "../../content/compression/index.ts";
import { decompressed } from "../../content/grpc/codings.ts";
import { negotiateEncoding } from "../../http/accept-encoding.ts";
import type { HttpReply, HttpRequest, ReplyHeaders } from "../../http/message.ts";
import { addVary } from "../../http/vary.ts";
import { readContent } from "../../postgres/payload/read-content.ts";
import type { CallTargets } from "./targets.ts";
import { errorReply, notStreamed } from "./connect-error.ts";
import { connectStreams } from "./connect-stream.ts";
import { CONNECT_FIELDS, framingOf } from "./framing.ts";
import { type CallSettings, type Handle, toFailure } from "./call.ts";
import type { JsonCodec } from "./json-codec.ts";
import type { Protocol } from "./protocol.ts";

/** Connect (https://connectrpc.com/docs/protocol): calls of one message are plain HTTP, streams are framed. In Protobuf or its JSON. */
export function connectProtocol(
  type: string,
  request: HttpRequest,
  targets: CallTargets,
  walk: Handle,
  settings: CallSettings,
): Protocol | undefined {
  const encode = encodingOf(request, settings);
  if (request.method === "GET") {
    const query = new URLSearchParams(request.query);
    const encoding = query.get("encoding");
    if (encoding !== "proto" && encoding !== "json") return undefined;
    return unaryProtocol(
      `application/${encoding}`,
      codecOf(encoding === "json", request, targets, walk),
      (_, max) => messageOfQuery(query, max),
      encode,
    );
  }
  const isJson = type.endsWith("json");
  switch (type) {
    case "application/proto":
    case "application/json":
      return unaryProtocol(type, codecOf(isJson, request, targets, walk), readPlain, encode);
    case "application/connect+proto":
    case "application/connect+json":
      return connectStreams(
        type,
        codecOf(isJson, request, targets, walk),
        framingOf(request, CONNECT_FIELDS, settings),
      );
    default:
      return undefined;
  }
}

const BINARY: Codec = { read: (bytes) => Promise.resolve(bytes), write: (message) => Promise.resolve(message) };

/** JSON's code is loaded with the first call in JSON. */
function codecOf(isJson: boolean, caller: HttpRequest, targets: CallTargets, walk: Handle): Codec {
  if (!isJson) return BINARY;
  // A call asks once.
  let found: Promise<JsonCodec> | undefined;
  const codec = (procedure: Procedure): Promise<JsonCodec> =>
    (found ??= import("./json-codec.ts").then(({ jsonCodecOf }) => jsonCodecOf(procedure, caller, targets, walk)));
  return {
    read: async (bytes, procedure) => (await codec(procedure)).toBinary(procedure.input, bytes),
    write: async (message, procedure) => (await codec(procedure)).toJson(procedure.output, message),
  };
}

type ReadPlain = (request: HttpRequest, maxBytes: number) => Promise<Buffer>;

/** A reply with its content as it is sent. */
type Encode = (body: Buffer, headers: ReplyHeaders) => Promise<Pick<HttpReply, "body" | "headers">>;

/** The reply of a call is content like any other: compressed as `Accept-Encoding` and the API's `compression` have it. */
function encodingOf(request: HttpRequest, { encodings, compressFromBytes }: CallSettings): Encode {
  const encoding = negotiateEncoding(request.headers["accept-encoding"], encodings) ?? "identity";
  return async (body, headers) => {
    if (encodings.length > 0) headers["vary"] = addVary(headers["vary"], "Accept-Encoding");
    if (encoding === "identity" || body.length < compressFromBytes) return { body, headers };
    const isLarge = body.length > COMPRESS_AT_ONCE_BYTES;
    const bytes = isLarge ? await compress(body, encoding) : compressSync(body, encoding);
    return { body: bytes, headers: { ...headers, "content-encoding": encoding } };
  };
}

function unaryProtocol(type: string, codec: Codec, read: ReadPlain, encode: Encode): Protocol {
  return {
    async readOne(request, procedure, maxBytes) {
      const bytes = await read(request, maxBytes);
      return procedure.answers === "rows" ? Promise.reject(notStreamed()) : codec.read(bytes, procedure);
    },
    readAll: (request, maxBytes) => once(read(request, maxBytes)),
    async unary({ failure, message, place, headers }, procedure) {
      if (failure !== undefined) return errorReply(failure, headers);
      if (procedure === undefined) throw new Error("a result of no procedure");
      try {
        const content = await codec.write(place === undefined ? message : Buffer.concat([message, place]), procedure);
        const encoded = await encode(content, { ...headers, "content-type": type });
        return { status: 200, ...encoded, validate: false };
      } catch (error) {
        return errorReply(toFailure(error), headers);
      }
    },
    stream: () => errorReply(toFailure(notStreamed()), {}),
    async own(messages, isStream) {
      if (isStream || type.endsWith("json")) return errorReply(toFailure(notStreamed()), {});
      try {
        for await (const body of messages)
          return { status: 200, headers: { "content-type": type }, body, validate: false };
      } catch (error) {
        return errorReply(toFailure(error), {});
      }
      return errorReply(toFailure(undefined), {});
    },
  };
}

async function readPlain(request: HttpRequest, maxBytes: number): Promise<Buffer> {
  const bytes = await readContent(request);
  return plainOf(bytes, request.headers["content-encoding"] ?? "", maxBytes);
}

/** The message of a call by GET is in its query. */
async function messageOfQuery(query: URLSearchParams, maxBytes: number): Promise<Buffer> {
  const text = query.get("message") ?? "";
  const isCoded = query.get("base64") === "1";
  const bytes = isCoded ? Buffer.from(text, "base64url") : Buffer.from(text);
  return plainOf(bytes, query.get("compression") ?? "", maxBytes);
}

function plainOf(bytes: Buffer, coding: string, maxBytes: number): Promise<Buffer> {
  return coding === "" || coding === "identity" ? Promise.resolve(bytes) : decompressed(bytes, coding, maxBytes);
}

async function* once(bytes: Promise<Buffer>): AsyncGenerator<Buffer> {
  yield await bytes;
}
