import { Readable } from "node:stream";
import { frame, messagesOf, onlyMessage, TRAILERS } from "../../content/grpc/frames.ts";
import { type RpcStatus, statusBytes } from "../../content/grpc/status.ts";
import type { HttpReply, HttpRequest, ReplyHeaders } from "../../http/message.ts";
import { readContent } from "../../postgres/payload/read-content.ts";
import { type CallSettings, type Handle, toFailure } from "./call.ts";
import { connectProtocol } from "./connect.ts";
import { codingsFor, type Framing, framingOf, GRPC_FIELDS } from "./framing.ts";
import type { Protocol } from "./protocol.ts";
import type { MessageStream } from "./rows.ts";
import type { CallTargets } from "./targets.ts";

/** The protocol of a call by its `Content-Type`; undefined for anything else, and for gRPC over HTTP/1, which has no trailers. */
export function protocolOf(
  request: HttpRequest,
  targets: CallTargets,
  walk: Handle,
  settings: CallSettings,
): Protocol | undefined {
  const type = (request.headers["content-type"] ?? "").split(";", 1)[0]!.trim().toLowerCase();
  switch (type) {
    case "application/grpc":
    case "application/grpc+proto":
      return request.httpVersion === "2.0" ? grpcProtocol(type, framingOf(request, GRPC_FIELDS, settings)) : undefined;
    case "application/grpc-web":
    case "application/grpc-web+proto":
      return webProtocol(type, false, framingOf(request, GRPC_FIELDS, settings));
    case "application/grpc-web-text":
    case "application/grpc-web-text+proto":
      return webProtocol(type, true, framingOf(request, GRPC_FIELDS, settings));
    default:
      return connectProtocol(type, request, targets, walk, settings);
  }
}

/** What all framed protocols read alike. */
const framed: Pick<Protocol, "readOne" | "readAll"> = {
  async readOne(request, _procedure, maxBytes) {
    return onlyMessage(await readContent(request), encodingOf(request), maxBytes);
  },
  readAll: (request, maxBytes) => messagesOf(request.body, encodingOf(request), maxBytes),
};

function encodingOf({ headers }: HttpRequest): string | undefined {
  const encoding = headers["grpc-encoding"];
  return typeof encoding === "string" ? encoding : undefined;
}

/** gRPC over HTTP/2: the status comes behind the content. */
function grpcProtocol(type: string, framing: Framing): Protocol {
  const reply = (body: HttpReply["body"], headers: ReplyHeaders, trailers: () => ReplyHeaders): HttpReply => ({
    status: 200,
    headers: { ...headers, ...framing.coding, "content-type": type },
    body,
    trailers,
    validate: false,
  });
  return {
    ...framed,
    unary({ failure, message, place, headers }) {
      // Without content all fields are in one head.
      if (failure !== undefined) {
        const fields = { ...headers, ...codingsFor(failure, GRPC_FIELDS.accepted), ...statusFields(failure) };
        return reply(undefined, fields, noFields);
      }
      const framed = framing.frame(message, place);
      const telling = withoutCaching(headers);
      if (framed instanceof Promise) return framed.then((bytes) => reply(bytes, telling, goodStatus));
      return reply(framed, telling, goodStatus);
    },
    stream(rows, headers) {
      let end: RpcStatus | undefined;
      const frames = framesOf(rows, framing, (failure) => (end = failure));
      return reply(Readable.from(frames, { objectMode: false }), headers, () => statusFields(end));
    },
    own(messages) {
      let end: RpcStatus | undefined;
      const frames = ownFrames(messages, (failure) => (end = failure));
      return reply(Readable.from(frames, { objectMode: false }), {}, () => statusFields(end));
    },
  };
}

/** No cache keeps a call, and each field costs: what says how a reply may be kept, or be guessed at by browsers, is left out. */
function withoutCaching(headers: ReplyHeaders): ReplyHeaders {
  const kept: ReplyHeaders = {};
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined && !FOR_CACHES.has(name)) kept[name] = value;
  }
  return kept;
}

const FOR_CACHES = new Set(["cache-control", "cdn-cache-control", "age", "expires", "vary", "x-content-type-options"]);

/** gRPC-Web: the status is a last message of the content, which may all be base64. */
function webProtocol(type: string, isText: boolean, framing: Framing): Protocol {
  const coded = (bytes: Buffer): Buffer => (isText ? Buffer.from(bytes.toString("base64")) : bytes);
  const reply = (body: HttpReply["body"], headers: ReplyHeaders): HttpReply => ({
    status: 200,
    headers: { ...headers, ...framing.coding, "content-type": type },
    body,
    validate: false,
  });
  const streamed = async function* (
    frames: (ended: (failure: RpcStatus | undefined) => void) => AsyncIterable<Buffer>,
  ): AsyncGenerator<Buffer> {
    let end: RpcStatus | undefined;
    for await (const bytes of frames((failure) => (end = failure))) yield coded(bytes);
    yield coded(trailerFrame(end));
  };
  const read = async (request: HttpRequest): Promise<Buffer> => {
    const bytes = await readContent(request);
    return isText ? Buffer.from(bytes.toString("latin1"), "base64") : bytes;
  };
  return {
    async readOne(request, _procedure, maxBytes) {
      return onlyMessage(await read(request), encodingOf(request), maxBytes);
    },
    readAll: (request, maxBytes) => messagesOf(once(read(request)), encodingOf(request), maxBytes),
    async unary({ failure, message, place, headers }) {
      const trailer = trailerFrame(failure);
      if (failure !== undefined) {
        return reply(coded(trailer), { ...headers, ...codingsFor(failure, GRPC_FIELDS.accepted) });
      }
      return reply(coded(Buffer.concat([await framing.frame(message, place), trailer])), headers);
    },
    stream: (rows, headers) =>
      reply(
        Readable.from(
          streamed((ended) => framesOf(rows, framing, ended)),
          { objectMode: false },
        ),
        headers,
      ),
    own: (messages) =>
      reply(
        Readable.from(
          streamed((ended) => ownFrames(messages, ended)),
          { objectMode: false },
        ),
        {},
      ),
  };
}

async function* once(bytes: Promise<Buffer>): AsyncGenerator<Buffer> {
  yield await bytes;
}

/** A page's rows as frames in one piece. */
async function* framesOf(
  rows: MessageStream,
  framing: Framing,
  ended: (failure: RpcStatus | undefined) => void,
): AsyncGenerator<Buffer> {
  try {
    for (;;) {
      const { done, value } = await rows.next();
      if (done === true) {
        ended(value?.failure);
        return;
      }
      const frames: Buffer[] = [];
      for (const message of value.messages) {
        const framed = framing.frame(message);
        frames.push(framed instanceof Promise ? await framed : framed);
      }
      if (frames.length > 0) yield Buffer.concat(frames);
    }
  } catch (error) {
    ended(toFailure(error));
  } finally {
    // The caller has left.
    await rows.return(undefined);
  }
}

async function* ownFrames(
  messages: AsyncIterable<Buffer>,
  ended: (failure: RpcStatus | undefined) => void,
): AsyncGenerator<Buffer> {
  try {
    for await (const message of messages) yield frame(message);
    ended(undefined);
  } catch (error) {
    ended(toFailure(error));
  }
}

function statusFields(failure: RpcStatus | undefined): ReplyHeaders {
  if (failure === undefined) return goodStatus();
  return {
    "grpc-status": String(failure.code),
    "grpc-message": percentEncoded(failure.message),
    "grpc-status-details-bin": statusBytes(failure).toString("base64").replace(/=+$/, ""),
  };
}

function goodStatus(): ReplyHeaders {
  return { "grpc-status": "0" };
}

function noFields(): ReplyHeaders {
  return {};
}

function trailerFrame(failure: RpcStatus | undefined): Buffer {
  const fields = Object.entries(statusFields(failure)).map(([name, value]) => `${name}: ${String(value)}\r\n`);
  return frame(Buffer.from(fields.join("")), TRAILERS);
}

/** Printable ASCII but for the percent sign stays as it is (gRPC over HTTP/2, "Status-Message"). */
function percentEncoded(text: string): string {
  let encoded = "";
  for (const byte of Buffer.from(text)) {
    const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    encoded += isPlain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}
