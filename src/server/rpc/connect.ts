import { Readable } from "node:stream";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import type { Procedure } from "../../api/procedures.ts";
import { CODE_NAMES, CODE_STATUS } from "../../content/grpc/codes.ts";
import { END_STREAM, frame, messagesOf, onlyMessage } from "../../content/grpc/frames.ts";
import { ERROR_INFO, errorInfoBytes, type RpcStatus } from "../../content/grpc/status.ts";
import { HotpathError } from "../../errors.ts";
import type { HttpReply, HttpRequest, ReplyHeaders } from "../../http/message.ts";
import { readContent } from "../../postgres/payload/read-content.ts";
import type { CallTargets } from "./answer.ts";
import { toFailure } from "./call.ts";
import type { Handle } from "./index.ts";
import type { JsonCodec } from "./json-codec.ts";
import type { Protocol } from "./protocol.ts";
import type { MessageStream } from "./rows.ts";

/** Connect (https://connectrpc.com/docs/protocol): calls of one message are plain HTTP, streams are framed. In Protobuf or its JSON. */
export function connectProtocol(
  type: string,
  request: HttpRequest,
  targets: CallTargets,
  walk: Handle,
): Protocol | undefined {
  if (request.method === "GET") {
    const query = new URLSearchParams(request.query);
    const encoding = query.get("encoding");
    if (encoding !== "proto" && encoding !== "json") return undefined;
    return unaryProtocol(
      `application/${encoding}`,
      codecOf(encoding === "json", request, targets, walk),
      async (_, max) => messageOfQuery(query, max),
    );
  }
  const isJson = type.endsWith("json");
  switch (type) {
    case "application/proto":
    case "application/json":
      return unaryProtocol(type, codecOf(isJson, request, targets, walk), readPlain);
    case "application/connect+proto":
    case "application/connect+json":
      return streamProtocol(type, codecOf(isJson, request, targets, walk));
    default:
      return undefined;
  }
}

/** Turns messages into what is sent, and back. */
interface Codec {
  read(bytes: Buffer, procedure: Procedure): Promise<Buffer>;
  write(message: Buffer, procedure: Procedure): Promise<Buffer>;
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

function unaryProtocol(type: string, codec: Codec, read: ReadPlain): Protocol {
  return {
    async readOne(request, procedure, maxBytes) {
      const bytes = await read(request, maxBytes);
      return procedure.answers === "rows" ? Promise.reject(notStreamed()) : codec.read(bytes, procedure);
    },
    readAll: (request, maxBytes) => once(read(request, maxBytes)),
    async unary({ failure, message, headers }, procedure) {
      if (failure !== undefined) return errorReply(failure, headers);
      if (procedure === undefined) throw new Error("a result of no procedure");
      try {
        const body = await codec.write(message, procedure);
        return { status: 200, headers: { ...headers, "content-type": type }, body, validate: false };
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

function streamProtocol(type: string, codec: Codec): Protocol {
  const reply = (body: Readable, headers: ReplyHeaders): HttpReply => ({
    status: 200,
    headers: { ...headers, "content-type": type },
    body,
    validate: false,
  });
  const alone = (failure: RpcStatus, headers: ReplyHeaders): HttpReply =>
    reply(Readable.from([endFrame(failure)], { objectMode: false }), headers);
  return {
    async readOne(request, procedure, maxBytes) {
      const bytes = await readContent(request);
      return codec.read(await onlyMessage(bytes, encodingOf(request), maxBytes), procedure);
    },
    readAll: (request, maxBytes) => messagesOf(request.body, encodingOf(request), maxBytes),
    unary: ({ failure, headers }) => alone(failure ?? toFailure(notStreamed()), headers),
    stream: (rows, headers, procedure) =>
      reply(Readable.from(framesOf(rows, codec, procedure), { objectMode: false }), headers),
    own: (messages) => reply(Readable.from(ownFrames(messages), { objectMode: false }), {}),
  };
}

function encodingOf({ headers }: HttpRequest): string | undefined {
  const encoding = headers["connect-content-encoding"];
  return typeof encoding === "string" ? encoding : undefined;
}

async function* framesOf(rows: MessageStream, codec: Codec, procedure: Procedure): AsyncGenerator<Buffer> {
  let end: RpcStatus | undefined;
  try {
    for (;;) {
      const { done, value } = await rows.next();
      if (done === true) {
        end = value?.failure;
        break;
      }
      const frames: Buffer[] = [];
      for (const message of value.messages) frames.push(frame(await codec.write(message, procedure)));
      if (frames.length > 0) yield Buffer.concat(frames);
    }
  } catch (error) {
    end = toFailure(error);
  } finally {
    await rows.return(undefined);
  }
  yield endFrame(end);
}

async function* ownFrames(messages: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let end: RpcStatus | undefined;
  try {
    for await (const message of messages) yield frame(message);
  } catch (error) {
    end = toFailure(error);
  }
  yield endFrame(end);
}

function endFrame(failure: RpcStatus | undefined): Buffer {
  return frame(Buffer.from(failure === undefined ? "{}" : JSON.stringify({ error: errorOf(failure) })), END_STREAM);
}

function errorReply(failure: RpcStatus, headers: ReplyHeaders): HttpReply {
  return {
    status: CODE_STATUS[failure.code] ?? 500,
    headers: { ...headers, "content-type": "application/json" },
    body: JSON.stringify(errorOf(failure)),
    validate: false,
  };
}

function errorOf(failure: RpcStatus): object {
  const value = errorInfoBytes(failure).toString("base64").replace(/=+$/, "");
  const { reason, metadata } = failure;
  const debug = { reason, domain: "hotpath", metadata };
  return {
    code: CODE_NAMES[failure.code] ?? "unknown",
    message: failure.message,
    details: [{ type: ERROR_INFO, value, debug }],
  };
}

async function readPlain(request: HttpRequest, maxBytes: number): Promise<Buffer> {
  const bytes = await readContent(request);
  return plainOf(bytes, request.headers["content-encoding"] ?? "identity", maxBytes);
}

/** The message of a call by GET is in its query. */
function messageOfQuery(query: URLSearchParams, maxBytes: number): Buffer {
  const text = query.get("message") ?? "";
  const isCoded = query.get("base64") === "1";
  const bytes = isCoded ? Buffer.from(text, "base64url") : Buffer.from(text);
  return plainOf(bytes, query.get("compression") ?? "identity", maxBytes);
}

function plainOf(bytes: Buffer, encoding: string, maxBytes: number): Buffer {
  const limit = { maxOutputLength: maxBytes };
  try {
    switch (encoding) {
      case "":
      case "identity":
        return bytes;
      case "gzip":
        return gunzipSync(bytes, limit);
      case "br":
        return brotliDecompressSync(bytes, limit);
    }
  } catch {
    throw new HotpathError("HP_BAD_REQUEST", `The content is not ${encoding}, or has more than ${maxBytes} bytes.`);
  }
  throw new HotpathError("HP_CONTENT_CODING_UNSUPPORTED", "Messages may be compressed by gzip or br.");
}

async function* once(bytes: Promise<Buffer>): AsyncGenerator<Buffer> {
  yield await bytes;
}

function notStreamed(): HotpathError {
  return new HotpathError(
    "HP_MEDIA_TYPE_UNSUPPORTED",
    "Streams are called as application/connect+proto, others as application/proto.",
    {
      todo: "Use the content type that the procedure has.",
    },
  );
}
