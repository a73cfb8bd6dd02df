import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import type { HttpReply } from "../../http/message.ts";
import { carriesContent, discardReply, isConnectionField, pumpBody } from "./reply-body.ts";

/** How to write one HTTP/1.1 reply. */
export interface Http1ReplyOptions {
  readonly method: string;
  /** Say `Connection: close` and close after this reply. */
  readonly isLast: boolean;
  readonly stallTimeoutMs: number;
  /** Told when a body stream fails midway; the connection has been reset by then. */
  readonly failed: (error: Error) => void;
}

/**
 * Writes a reply. Content known in full is sent with its length whatever the reply's own field says; a stream with
 * the length its field announces, else chunked.
 *
 * @returns the content that went out with the head; none for a reply that has none.
 * @throws whatever Node thinks of invalid names, values or statuses, before a byte is written.
 */
export function writeHttp1Reply(
  response: ServerResponse,
  reply: HttpReply,
  options: Http1ReplyOptions,
): WrittenContent {
  const { status, body } = reply;
  if (status < 200 || status > 999) throw new RangeError(`status ${status} is no final status`);
  const fields: string[] = [];
  let announced: string | undefined;
  const { headers } = reply;
  for (const name in headers) {
    const value = headers[name] as string | string[];
    if (name === "content-length") announced = String(value);
    else if (isConnectionField(name)) continue;
    else if (typeof value === "string") fields.push(name, value);
    else for (const each of value) fields.push(name, each);
  }
  if (options.isLast) fields.push("connection", "close");

  if (body === undefined || typeof body === "string" || body instanceof Uint8Array) {
    const length = contentLength(options.method, status, body, announced);
    if (length !== undefined) fields.push("content-length", length);
    writeHead(response, reply, fields);
    if (body === undefined || !carriesContent(options.method, status)) {
      response.end();
      return NO_CONTENT;
    }
    response.end(body);
    watchStall(response, options.stallTimeoutMs);
    return { bytes: body };
  }
  if (!carriesContent(options.method, status)) {
    if (announced !== undefined && status !== 204) fields.push("content-length", announced);
    discardReply(reply);
    writeHead(response, reply, fields);
    response.end();
    return NO_CONTENT;
  }
  if (announced !== undefined) fields.push("content-length", announced);
  writeHead(response, reply, fields);
  const { trailers } = reply;
  pump(response, body, announced, options, () => {
    const fields = trailers?.();
    if (fields !== undefined && acceptsTrailers(response)) response.addTrailers(fields);
  });
  return "streamed";
}

/** What went out after a head. */
export type WrittenContent = { readonly bytes: string | Uint8Array | undefined } | "streamed";

const NO_CONTENT: WrittenContent = { bytes: undefined };

/** Breaks a connection off so that the client cannot take what it has got for the whole reply. */
export function resetConnection(socket: Socket): void {
  // TLS and Unix sockets know no RST; there a missing end of content tells.
  if ("encrypted" in socket || socket.remoteAddress === undefined) socket.destroy();
  else socket.resetAndDestroy();
}

function writeHead(response: ServerResponse, reply: HttpReply, fields: string[]): void {
  if (reply.statusText === undefined) response.writeHead(reply.status, fields);
  else response.writeHead(reply.status, reply.statusText, fields);
}

/** The Content-Length of a reply whose content is at hand; `undefined` where none may or can be stated. */
function contentLength(
  method: string,
  status: number,
  body: string | Uint8Array | undefined,
  announced: string | undefined,
): string | undefined {
  if (status === 204) return undefined;
  // Without content these may state the length that a 200 to GET would have.
  if (body === undefined && (method === "HEAD" || status === 304)) return announced;
  if (body === undefined) return "0";
  if (status === 304) return announced;
  return String(typeof body === "string" ? Buffer.byteLength(body) : body.length);
}

function pump(
  response: ServerResponse,
  body: Readable,
  announced: string | undefined,
  options: Http1ReplyOptions,
  ending: () => void,
): void {
  response.flushHeaders();
  const { socket } = response;
  pumpBody(body, response, {
    expectedBytes: announced === undefined ? undefined : Number(announced),
    failed(error) {
      if (socket !== null) resetConnection(socket);
      options.failed(error);
    },
    ending,
    stalled: (isStalled) => response.socket?.setTimeout(isStalled ? options.stallTimeoutMs : 0),
  });
}

/** Whether the client asked for trailers (RFC 9110 section 6.5.1); Node sends them with chunked content only. */
function acceptsTrailers({ req }: ServerResponse): boolean {
  return /\btrailers\b/i.test(String(req.headers.te ?? ""));
}

/** Gives a client that has not taken the whole reply at once a time to take more; `closeStalled` judges who is late. */
function watchStall({ socket }: ServerResponse, timeoutMs: number): void {
  if (socket !== null && socket.writableLength > 0) socket.setTimeout(timeoutMs);
}
