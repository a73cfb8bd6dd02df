import { Readable } from "node:stream";
import type { Procedure } from "../../api/procedures.ts";
import { END_STREAM, frame, messagesOf, onlyMessage } from "../../content/grpc/frames.ts";
import type { RpcStatus } from "../../content/grpc/status.ts";
import type { HttpReply, HttpRequest, ReplyHeaders } from "../../http/message.ts";
import { readContent } from "../../postgres/payload/read-content.ts";
import { toFailure } from "./call.ts";
import type { Codec } from "./codec.ts";
import { errorOf, notStreamed } from "./connect-error.ts";
import { codingsFor, CONNECT_FIELDS, type Framing } from "./framing.ts";
import type { Protocol } from "./protocol.ts";
import type { MessageStream } from "./rows.ts";

/** Streams, whose messages are framed and whose end is one more of them. */
export function connectStreams(type: string, codec: Codec, framing: Framing): Protocol {
  const reply = (body: Readable, headers: ReplyHeaders): HttpReply => ({
    status: 200,
    headers: { ...headers, ...framing.coding, "content-type": type },
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
    unary({ failure = toFailure(notStreamed()), headers }) {
      return alone(failure, { ...headers, ...codingsFor(failure, CONNECT_FIELDS.accepted) });
    },
    stream: (rows, headers, procedure) =>
      reply(Readable.from(framesOf(rows, codec, framing, procedure), { objectMode: false }), headers),
    own: (messages) => reply(Readable.from(ownFrames(messages), { objectMode: false }), {}),
  };
}

function encodingOf({ headers }: HttpRequest): string | undefined {
  const encoding = headers[CONNECT_FIELDS.sent];
  return typeof encoding === "string" ? encoding : undefined;
}

async function* framesOf(
  rows: MessageStream,
  codec: Codec,
  framing: Framing,
  procedure: Procedure,
): AsyncGenerator<Buffer> {
  let end: RpcStatus | undefined;
  try {
    for (;;) {
      const { done, value } = await rows.next();
      if (done === true) {
        end = value?.failure;
        break;
      }
      const frames: Buffer[] = [];
      for (const message of value.messages) frames.push(await framing.frame(await codec.write(message, procedure)));
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
