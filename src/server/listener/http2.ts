import type { Http2Server, IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import { Readable } from "node:stream";
import { HotpathError } from "../../errors.ts";
import type { HttpReply } from "../../http/message.ts";
import { resetStream, writeHttp2Reply } from "./http2-reply.ts";
import { Http2Request, NO_ERROR, type Peer } from "./http2-request.ts";
import { toErrorReply } from "./refusal.ts";
import { discardReply } from "./reply-body.ts";
import { limitOfBody } from "./body-limit.ts";
import { bodyTooLarge } from "./request-body.ts";
import { ask, SERVER_OPTIONS_REPLY, toFailureReply, type ServeContext } from "./serve.ts";
import type { ListenerLimits } from "./settings.ts";
import { isAuthority, parseTarget } from "./target.ts";

/** The HTTP/2 sessions of a listener. */
export interface Http2Sessions {
  readonly count: number;
  /** Tells clients to open no further streams (GOAWAY); sessions end with their last stream. All of them, or so many, the oldest first. */
  close(most?: number): void;
}

/** Serves the streams of an HTTP/2 server that others hand connections to. Uses Node's core API, which costs less than its `http`-like one. */
export function serveHttp2(server: Http2Server, context: ServeContext): Http2Sessions {
  const sessions = new Set<ServerHttp2Session>();
  server.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
    session.on("error", (error) => context.log.debug({ err: error }, "HTTP/2 session failed"));
    // Kept from the start: a socket that is gone no longer tells who it was.
    const peer: Peer & Waiting = {
      address: session.socket.remoteAddress ?? "",
      scheme: session.encrypted === true ? "https" : "http",
      waiting: 0,
    };
    session.on("timeout", () => retire(session, peer, context.limits.keepAliveTimeoutMs));
    session.setTimeout(context.limits.keepAliveTimeoutMs);
    session.on("stream", (stream, headers) => serve(stream, headers, peer, context));
    // Connections that were accepted just before the listener began to drain.
    if (context.isClosing()) session.close();
  });
  return {
    get count() {
      return sessions.size;
    },
    close(most = sessions.size) {
      for (const session of [...sessions].slice(0, most)) session.close();
    },
  };
}

/** The options of Node's HTTP/2 server that put the limits into force. */
export function toHttp2Options(limits: ListenerLimits): object {
  return {
    settings: {
      maxConcurrentStreams: limits.maxConcurrentStreams,
      maxHeaderListSize: limits.maxHeaderBytes,
      enableConnectProtocol: false,
    },
    // With the two pairs that HTTP/2 adds to every list.
    maxHeaderListPairs: limits.maxHeadersCount + 4,
    maxSettings: 32,
    maxOutstandingPings: 10,
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: 100,
    streamResetBurst: limits.streamResetBurst,
    streamResetRate: limits.streamResetsPerSecond,
  };
}

/** Streams of a session that wait for the server: for a handler, or for a reply that is a stream. */
interface Waiting {
  waiting: number;
}

/**
 * A session without traffic for the keep-alive time. Where streams wait for us it stays. Else it is asked to go, and,
 * should streams stay open because the client takes nothing, dropped after as long again.
 */
function retire(session: ServerHttp2Session, { waiting }: Waiting, timeoutMs: number): void {
  if (waiting === 0 && session.closed) session.destroy();
  else if (waiting === 0) session.close();
  if (!session.destroyed) session.setTimeout(timeoutMs);
}

function serve(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  peer: Peer & Waiting,
  context: ServeContext,
): void {
  // A client that resets a stream is no event; without a listener it would end the process.
  stream.on("error", ignore);
  const method = headers[":method"] ?? "";
  let head: Head;
  try {
    head = checkHead(method, headers, context);
  } catch (error) {
    answer(stream, method, toErrorReply(error), context, peer);
    return;
  }
  if (head.target === "*") {
    answer(stream, method, SERVER_OPTIONS_REPLY, context, peer);
    return;
  }
  const request = new Http2Request(stream, headers, head, peer, head.maxBodyBytes);
  if (!stream.endAfterHeaders) stream.once("finish", () => discardContent(stream, request));
  const outcome = ask(request, context);
  if (outcome instanceof Promise) {
    peer.waiting += 1;
    const settle = (reply: HttpReply): void => {
      peer.waiting -= 1;
      answer(stream, method, reply, context, peer);
    };
    void outcome.then(settle, (error: unknown) => settle(toFailureReply(error, request, context.log)));
  } else {
    answer(stream, method, outcome, context, peer);
  }
}

interface Head {
  readonly method: string;
  readonly target: string;
  readonly authority: string;
  readonly maxBodyBytes: number;
}

/** What nghttp2 leaves to the server (RFC 9113 section 8.3.1). */
function checkHead(method: string, headers: IncomingHttpHeaders, context: ServeContext): Head {
  const { limits } = context;
  const { ":path": path = "", ":authority": authority, host } = headers;
  if (method === "CONNECT") {
    throw new HotpathError("HP_METHOD_NOT_ALLOWED", "CONNECT is refused: this is no proxy.");
  }
  if (path.length > limits.maxUrlBytes) {
    throw new HotpathError("HP_URL_TOO_LONG", `The URL has more than ${limits.maxUrlBytes} bytes.`);
  }
  const named = authority ?? host;
  if (named === undefined || !isAuthority(named) || (host !== undefined && host !== named)) {
    throw new HotpathError("HP_BAD_REQUEST", "The request names no host, a malformed one, or two.");
  }
  const target = path.charCodeAt(0) === SLASH || path === "*" ? parseTarget(method, path) : undefined;
  if (target === undefined) throw new HotpathError("HP_BAD_REQUEST", "The :path is neither a path nor `*`.");
  const maxBodyBytes = limitOfBody(context, method, target.target, headers);
  if (Number(headers["content-length"] ?? 0) > maxBodyBytes) throw bodyTooLarge(maxBodyBytes);
  return { method, target: target.target, authority: named, maxBodyBytes };
}

function answer(
  stream: ServerHttp2Stream,
  method: string,
  reply: HttpReply,
  context: ServeContext,
  peer: Waiting,
): void {
  if (stream.destroyed || stream.closed) {
    discardReply(reply);
    return;
  }
  if (reply.body instanceof Readable) {
    peer.waiting += 1;
    stream.once("close", () => (peer.waiting -= 1));
  }
  const options = {
    method,
    stallTimeoutMs: context.limits.replyStallTimeoutMs,
    failed: (error: Error) => context.log.error({ err: error, method }, "reply broke off"),
  };
  try {
    writeHttp2Reply(stream, reply, options);
  } catch (error) {
    context.log.error({ err: error, method }, "reply cannot be written");
    discardReply(reply);
    if (stream.headersSent) resetStream(stream, new Error("reply cannot be written"));
    else writeHttp2Reply(stream, toErrorReply(error), options);
  }
}

/** Content that the handler left unread: the client is told that the reply stands without it (RFC 9113 section 8.1). */
function discardContent(stream: ServerHttp2Stream, request: Http2Request): void {
  if (stream.readableEnded) return;
  request.releaseBody();
  stream.close(NO_ERROR);
}

function ignore(): void {}

const SLASH = 0x2f;
