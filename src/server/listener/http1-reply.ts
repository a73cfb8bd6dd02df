import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import type { HttpReply } from "../../http/message.ts";
import {
  checkField,
  checkStatus,
  contentLength,
  isWhole,
  JOINED_BYTES,
  joinReply,
  reasonOf,
  renderWhole,
  type WholeReply,
} from "./http1-whole.ts";
import { carriesContent, discardReply, isConnectionField, pumpBody } from "./reply-body.ts";

/** How to write one HTTP/1.1 reply. */
export interface Http1ReplyOptions {
  readonly method: string;
  /** Say `Connection: close` and close after this reply. */
  readonly isLast: boolean;
  /** The fields of a reply that leaves the connection open. Absent: Node decides whether it stays, and says so. */
  readonly persistence?: string | undefined;
  readonly stallTimeoutMs: number;
  /** Told when a body stream fails midway; the connection has been reset by then. */
  readonly failed: (error: Error) => void;
}

/**
 * Writes a reply. Content known in full is sent with its length whatever the reply's own field says; a stream with
 * the length its field announces, else chunked.
 *
 * @returns what was written, where that is known to the letter.
 * @throws whatever Node thinks of invalid names, values or statuses, before a byte is written.
 */
export function writeHttp1Reply(
  response: ServerResponse,
  reply: HttpReply,
  options: Http1ReplyOptions,
): WholeReply | undefined {
  checkStatus(reply.status);
  const { body } = reply;
  if (!isWhole(body)) {
    writeStream(response, reply, body, options);
    return undefined;
  }
  const { persistence } = options;
  let whole: WholeReply | undefined;
  if (persistence !== undefined && !options.isLast && letsHeadBeGiven(response)) {
    whole = renderWhole(reply, body, options.method, persistence);
    sendWhole(response, whole);
  } else {
    const { fields, announced } = fieldsOf(reply, options.isLast);
    const length = contentLength(options.method, reply.status, body, announced);
    if (length !== undefined) fields.push("content-length", length);
    writeHead(response, reply, fields);
    if (body !== undefined && carriesContent(options.method, reply.status)) response.end(body);
    else response.end();
  }
  watchStall(response, options.stallTimeoutMs);
  return whole;
}

/** Hands Node a head that is rendered already: it would check and join the fields once more. */
function sendWhole(response: ServerResponse, whole: WholeReply): void {
  const { head, content } = whole;
  const given = response as ServerResponse & GivenHead;
  given._header = head;
  if (content === undefined) {
    response.end();
  } else if (typeof content === "string" || content.length <= JOINED_BYTES) {
    given._headerSent = true;
    response.end(joinReply(whole));
  } else {
    response.end(content);
  }
}

/** Where a ServerResponse keeps its head. Not of the documented interface, and used only where it is as it has always been. */
interface GivenHead {
  _header: string | null;
  _headerSent: boolean;
}

function letsHeadBeGiven(response: ServerResponse): boolean {
  const given = response as ServerResponse & Partial<GivenHead>;
  return (
    given._header === null &&
    given._headerSent === false &&
    response.shouldKeepAlive &&
    response.req.httpVersionMinor === 1
  );
}

function writeStream(response: ServerResponse, reply: HttpReply, body: Readable, options: Http1ReplyOptions): void {
  const { fields, announced } = fieldsOf(reply, options.isLast);
  if (!carriesContent(options.method, reply.status)) {
    if (announced !== undefined && reply.status !== 204) fields.push("content-length", announced);
    discardReply(reply);
    writeHead(response, reply, fields);
    response.end();
    return;
  }
  if (announced !== undefined) fields.push("content-length", announced);
  writeHead(response, reply, fields);
  const { trailers } = reply;
  pump(response, body, announced, options, () => {
    const fields = trailers?.();
    if (fields !== undefined && acceptsTrailers(response)) response.addTrailers(fields);
  });
}

/** The fields to send but for the length, and the length the reply itself announces. */
function fieldsOf({ headers }: HttpReply, isLast: boolean): { fields: string[]; announced: string | undefined } {
  const fields: string[] = [];
  let announced: string | undefined;
  for (const name in headers) {
    const value = headers[name] as string | string[];
    if (name === "content-length") announced = String(value);
    else if (isConnectionField(name)) continue;
    else if (typeof value === "string") fields.push(name, value);
    else for (const each of value) fields.push(name, each);
  }
  if (isLast) fields.push("connection", "close");
  return { fields, announced };
}

/** Breaks a connection off so that the client cannot take what it has got for the whole reply. */
export function resetConnection(socket: Socket): void {
  // TLS and Unix sockets know no RST; there a missing end of content tells.
  if ("encrypted" in socket || socket.remoteAddress === undefined) socket.destroy();
  else socket.resetAndDestroy();
}

function writeHead(response: ServerResponse, reply: HttpReply, fields: string[]): void {
  // Node would apply the status and reason phrase of a head that it refuses to what is sent instead.
  for (let at = 0; at < fields.length; at += 2) checkField(fields[at] as string, fields[at + 1] as string);
  response.writeHead(reply.status, reasonOf(reply), fields);
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
