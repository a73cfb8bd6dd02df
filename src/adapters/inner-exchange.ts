import { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Duplex, Readable } from "node:stream";
import type { SourceReply } from "../api/source.ts";
import type { SourceRequest } from "../api/source-request.ts";
import { hasContent } from "../http/content.ts";
import { toEndedReply } from "../http/ended.ts";
import { withoutHopByHop } from "../http/hop-by-hop.ts";
import type { ReplyHeaders } from "../http/message.ts";
import { innerHeaders } from "./application-source.ts";

/** Answers requests of `node:http`. */
export type NodeHandler = (request: IncomingMessage, response: ServerResponse) => unknown;

/**
 * Has a handler of `node:http` answer a request that came by no connection of its own: a message, and a response whose content is read
 * instead of being written to a socket. What writes faster than it is read is told to wait.
 *
 * @param begun is told of the message before the handler
 */
export async function exchange(
  handle: NodeHandler,
  request: SourceRequest,
  begun: (message: IncomingMessage) => void,
): Promise<SourceReply> {
  const message = toMessage(request);
  const { response, reply } = createResponse(message);
  const { signal } = request;
  const leave = (): void => {
    message.destroy();
    response.emit("close");
  };
  if (signal.aborted) leave();
  else signal.addEventListener("abort", leave, { once: true });
  response.once("close", () => signal.removeEventListener("abort", leave));
  begun(message);
  const { promise: left, resolve } = Promise.withResolvers<undefined>();
  response.once("close", () => resolve(undefined));
  handle(message, response);
  const answered = await Promise.race([reply, left]);
  const ended = answered ?? toEndedReply(signal);
  if (ended === undefined) throw new Error("the application ended a request without a reply");
  return ended;
}

function toMessage(request: SourceRequest): IncomingMessage {
  const socket = new NoSocket(request);
  const message = new IncomingMessage(socket as unknown as Socket);
  message.method = request.method;
  message.url = request.target;
  message.httpVersion = "1.1";
  message.httpVersionMajor = 1;
  message.httpVersionMinor = 1;
  for (const [name, value] of Object.entries(innerHeaders(request))) {
    for (const each of typeof value === "string" ? [value] : value) message.rawHeaders.push(name, each);
    message.headers[name] = value;
  }
  if (!hasContent(request)) {
    message.push(null);
    message.complete = true;
    return message;
  }
  const { body } = request;
  body.on("data", (chunk: Buffer) => message.push(chunk) || body.pause());
  body.once("end", () => {
    message.complete = true;
    message.push(null);
  });
  body.once("error", (error) => message.destroy(error));
  message._read = () => void body.resume();
  body.pause();
  return message;
}

/** What applications look at of a connection. */
class NoSocket extends Duplex {
  readonly remoteAddress: string;
  readonly encrypted: boolean;

  constructor({ remoteAddress, scheme }: SourceRequest) {
    super();
    this.remoteAddress = remoteAddress;
    this.encrypted = scheme === "https";
  }

  setTimeout(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  override _read(): void {}
  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    done();
  }
}

/** A response that tells its reply once that has begun. */
function createResponse(message: IncomingMessage): {
  readonly response: ServerResponse;
  readonly reply: Promise<SourceReply>;
} {
  const response = new ServerResponse(message);
  const { promise: reply, resolve } = Promise.withResolvers<SourceReply>();
  const writeHead = response.writeHead.bind(response);
  let body: Readable | undefined;

  const begin = (content: Readable | Uint8Array | undefined): void => {
    // Middleware may have put itself before it.
    if (!response.headersSent) response.writeHead(response.statusCode);
    const headers = withoutHopByHop(response.getHeaders()) as Record<string, number | string | string[]>;
    delete headers["date"];
    resolve({ status: response.statusCode, headers: toTexts(headers), body: content });
  };
  const bodyOf = (): Readable => {
    if (body === undefined) {
      body = new Readable({ highWaterMark: HIGH_WATER_MARK, read: () => void response.emit("drain") });
      // Whoever reads it leaves: the handler hears of it as if a connection had closed.
      body.once("close", () => response.emit("close"));
      body.on("error", ignore);
      begin(body);
    }
    return body;
  };

  // Of the object itself: frameworks give it another prototype.
  Object.assign(response, {
    writeHead(status: number, ...more: unknown[]) {
      const fields = more.find((each) => typeof each === "object");
      for (const [name, value] of fieldsOf(fields)) response.setHeader(name, value);
      const [phrase] = more;
      return typeof phrase === "string" ? writeHead(status, phrase) : writeHead(status);
    },
    flushHeaders: () => void bodyOf(),
    write(chunk: string | Uint8Array, encoding?: unknown, done?: unknown) {
      const isRoom = bodyOf().push(toBytes(chunk, encoding));
      call(done ?? encoding);
      return isRoom;
    },
    end(chunk?: unknown, encoding?: unknown, done?: unknown) {
      if (response.finished) return response;
      const last = typeof chunk === "string" || chunk instanceof Uint8Array ? toBytes(chunk, encoding) : undefined;
      response.finished = true;
      // A reply to HEAD has none, whatever length it tells.
      if (body === undefined) begin(last);
      else {
        if (last !== undefined) body.push(last);
        body.push(null);
      }
      process.nextTick(() => {
        response.emit("finish");
        if (body === undefined) response.emit("close");
        call(done ?? encoding ?? chunk);
      });
      return response;
    },
    writeContinue: ignore,
    writeProcessing: ignore,
    writeEarlyHints: ignore,
  });
  return { response, reply };
}

/** Names and values as `writeHead` takes them: an object, or a list of both in turn. */
function fieldsOf(fields: unknown): [string, string | string[]][] {
  if (fields === undefined || fields === null) return [];
  if (!Array.isArray(fields)) return Object.entries(fields as Record<string, string>);
  if (Array.isArray(fields[0])) return fields as [string, string][];
  const pairs: [string, string][] = [];
  for (let at = 0; at < fields.length; at += 2) pairs.push([String(fields[at]), String(fields[at + 1])]);
  return pairs;
}

function toTexts(headers: Readonly<Record<string, number | string | string[]>>): ReplyHeaders {
  const entries = Object.entries(headers);
  return Object.fromEntries(entries.map(([name, value]) => [name, typeof value === "number" ? String(value) : value]));
}

function toBytes(chunk: string | Uint8Array, encoding: unknown): Uint8Array {
  return typeof chunk === "string" ? Buffer.from(chunk, isEncoding(encoding) ? encoding : "utf8") : chunk;
}

function isEncoding(value: unknown): value is BufferEncoding {
  return typeof value === "string" && Buffer.isEncoding(value);
}

function call(done: unknown): void {
  if (typeof done === "function") done();
}

const HIGH_WATER_MARK = 64 * 1024;

function ignore(): void {}
