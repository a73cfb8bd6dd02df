import type { OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { HttpReply } from "../../http/message.ts";
import { carriesContent, discardReply, isConnectionField, pumpBody } from "./reply-body.ts";

/** How to write one HTTP/2 reply. */
export interface Http2ReplyOptions {
  readonly method: string;
  readonly stallTimeoutMs: number;
  /** Told when a body stream fails midway; the stream has been reset by then. */
  readonly failed: (error: Error) => void;
}

/**
 * Writes a reply to a stream. Connection-specific fields stay behind (RFC 9113 section 8.2.2), as does a reason
 * phrase.
 *
 * @throws whatever Node thinks of invalid names, values or statuses, before a byte is written.
 */
export function writeHttp2Reply(stream: ServerHttp2Stream, reply: HttpReply, options: Http2ReplyOptions): void {
  const { status, body } = reply;
  if (status < 200) throw new RangeError(`status ${status} is no final status`);
  const fields: OutgoingHttpHeaders = { ":status": status };
  for (const name in reply.headers) {
    if (!isConnectionField(name)) fields[name] = reply.headers[name];
  }
  if (status === 204) delete fields["content-length"];
  const hasContent = carriesContent(options.method, status);
  if (body === undefined || typeof body === "string" || body instanceof Uint8Array) {
    if (body !== undefined && status !== 204 && status !== 304) {
      fields["content-length"] = typeof body === "string" ? Buffer.byteLength(body) : body.length;
    } else if (body === undefined && hasContent) {
      fields["content-length"] = 0;
    }
    const { trailers } = reply;
    if (trailers !== undefined && body !== undefined && hasContent) {
      delete fields["content-length"];
      respondWithTrailers(stream, fields, trailers);
      stream.end(body);
      if (body.length > FLOW_WINDOW_BYTES) watchStall(stream, options.stallTimeoutMs);
    } else if (body === undefined || body.length === 0 || !hasContent) {
      stream.respond(fields, { endStream: true });
    } else {
      stream.respond(fields);
      stream.end(body);
      if (body.length > FLOW_WINDOW_BYTES) watchStall(stream, options.stallTimeoutMs);
    }
    return;
  }
  if (!hasContent) {
    discardReply(reply);
    stream.respond(fields, { endStream: true });
    return;
  }
  const announced = fields["content-length"];
  const { trailers } = reply;
  if (trailers === undefined) {
    stream.respond(fields);
  } else {
    respondWithTrailers(stream, fields, trailers);
  }
  pumpBody(body, stream, {
    expectedBytes: announced === undefined ? undefined : Number(announced),
    failed(error) {
      resetStream(stream, error);
      options.failed(error);
    },
    stalled: (isStalled) => watchStall(stream, isStalled ? options.stallTimeoutMs : 0),
  });
}

function respondWithTrailers(
  stream: ServerHttp2Stream,
  fields: OutgoingHttpHeaders,
  trailers: NonNullable<HttpReply["trailers"]>,
): void {
  stream.respond(fields, { waitForTrailers: true });
  // With nothing to send the stream must still be told so, or it never ends.
  stream.once("wantTrailers", () => stream.sendTrailers(trailers() ?? {}));
}

/**
 * Breaks a stream off with RST_STREAM. Not by `close(code)`: Node then ends the content first, and the client would
 * take what it has got for the whole reply.
 */
export function resetStream(stream: ServerHttp2Stream, reason: Error): void {
  stream.destroy(reason);
}

/** Smaller replies fit the window that every client opens with. */
const FLOW_WINDOW_BYTES = 65_535;

function watchStall(stream: ServerHttp2Stream, timeoutMs: number): void {
  stream.setTimeout(
    timeoutMs,
    timeoutMs === 0 ? undefined : () => resetStream(stream, new Error("the client takes nothing")),
  );
}
