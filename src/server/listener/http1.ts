import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { HotpathError } from "../../errors.ts";
import type { HttpReply } from "../../http/message.ts";
import { limitOfBody } from "./body-limit.ts";
import { type TurnSettings, createTurns } from "./http1-turns.ts";
import { checkFraming, type Framing } from "./http1-framing.ts";
import { closeStalled, closeWithLinger, refuseConnection, toConnectionRefusal } from "./http1-refusal.ts";
import { resetConnection, writeHttp1Reply } from "./http1-reply.ts";
import { Http1Request } from "./http1-request.ts";
import { persistenceFields } from "./http1-whole.ts";
import { toErrorReply } from "./refusal.ts";
import { discardReply } from "./reply-body.ts";
import { ask, SERVER_OPTIONS_REPLY, toFailureReply, type ServeContext } from "./serve.ts";
import type { ListenerLimits } from "./settings.ts";

/** The HTTP/1.1 connections of a server. */
export interface Http1Connections {
  /** Told of each connection once Node serves it. */
  accept(socket: Socket): void;
}

/** Serves the requests of a `node:http` or `node:https` server, and refuses what is none. */
export function serveHttp1(server: Server, context: ServeContext): Http1Connections {
  const { limits, log } = context;
  const settings = turnSettings(server, limits);
  const turns = settings === undefined ? undefined : createTurns(context, settings);
  const persistence = settings?.persistence;
  server.on("request", (message, response) => {
    const begun = turns?.take(message);
    const exchange: Exchange = {
      message,
      response,
      context,
      persistence,
      isPlain: begun !== undefined,
      awaitsContinue: false,
    };
    if (begun === undefined) {
      serveInTurn(exchange);
    } else {
      begun.request.attach(response);
      settle(exchange, begun.request, begun.outcome, false);
    }
  });
  // Node ends a connection whose client may or may not send content that it was not told to send.
  const unusual = { context, persistence: undefined, isPlain: false, awaitsContinue: true };
  server.on("checkContinue", (message, response) => {
    serveInTurn({ ...unusual, message, response });
  });
  server.on("checkExpectation", (message, response) => {
    const error = new HotpathError("HP_EXPECTATION_FAILED", "Nothing but 100-continue can be expected.");
    refuse({ ...unusual, message, response }, error);
  });
  server.on("timeout", (socket) => closeStalled(socket, limits.replyStallTimeoutMs));
  server.on("connect", (_message, socket: Socket) => {
    refuseConnection(socket, new HotpathError("HP_METHOD_NOT_ALLOWED", "CONNECT is refused: this is no proxy."));
  });
  server.on("clientError", (error: Error & { code?: string; rawPacket?: Buffer }, socket: Socket) => {
    log.debug({ code: error.code, remoteAddress: socket.remoteAddress }, "malformed request");
    refuseConnection(socket, toConnectionRefusal(error, limits));
  });
  return {
    accept(socket) {
      turns?.accept(socket);
    },
  };
}

/** Answers one request of a server that is another's. */
export function serveForeign(message: IncomingMessage, response: ServerResponse, context: ServeContext): void {
  const exchange = { message, response, context, persistence: undefined, isPlain: false, awaitsContinue: false };
  // A stream that has ended never ends again: whoever waits for its content would wait for ever.
  if (message.readableEnded && message.headers["content-length"] !== "0" && mayHaveContent(message)) {
    context.log.error(
      { path: message.url },
      "content was read before hotpath got the request: mount it before body parsers",
    );
    answer(exchange, toErrorReply(undefined), false);
    return;
  }
  serveInTurn(exchange);
}

function mayHaveContent({ headers }: IncomingMessage): boolean {
  return headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined;
}

/** What Node adds to the keep-alive timeout that it announces before it enforces it. */
const KEEP_ALIVE_MARGIN_MS = 1000;

/** `undefined` where a connection's requests are counted: Node does so where it makes their responses, and says so in their replies. */
function turnSettings(server: Server, limits: ListenerLimits): TurnSettings | undefined {
  const { keepAliveTimeout } = server;
  if (limits.maxRequestsPerSocket > 0) return undefined;
  return {
    persistence: persistenceFields(keepAliveTimeout),
    idleTimeoutMs: keepAliveTimeout > 0 ? keepAliveTimeout + KEEP_ALIVE_MARGIN_MS : 0,
  };
}

interface Exchange {
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
  readonly context: ServeContext;
  /** The fields by which the reply says that the connection stays open; `undefined`: Node decides. */
  readonly persistence: string | undefined;
  /** Its head alone says what it asks for: it was begun at its head. */
  readonly isPlain: boolean;
  /** The client holds its content back until told to continue. */
  awaitsContinue: boolean;
  /** Its content may be more than is worth reading for nobody. */
  isLarge?: boolean;
}

/**
 * Serves a pipelined request when the replies before it are through. Node would have all of them handled at once and keep
 * the replies: one packet of 64 KiB can ask for two thousand. In turn, a connection holds one reply at a time.
 */
function serveInTurn(exchange: Exchange): void {
  if (exchange.response.socket === null) exchange.response.once("socket", () => serve(exchange));
  else serve(exchange);
}

function serve(exchange: Exchange): void {
  const { message, response, context } = exchange;
  let framing: Framing;
  try {
    framing = checkFraming(message, context);
  } catch (error) {
    refuse(exchange, error);
    return;
  }
  if (framing.target === "*") {
    answer(exchange, SERVER_OPTIONS_REPLY, exchange.awaitsContinue);
    return;
  }
  const content = framing.hasContent ? contentOf(exchange, framing.target) : undefined;
  const request = new Http1Request(message, response, framing.target, framing.authority, content);
  if (content !== undefined) response.once("finish", () => discardContent(message, request));
  exchange.isLarge = content !== undefined && content.maxBytes > context.limits.maxBodyBytes;
  settle(exchange, request, ask(request, context), content !== undefined);
}

/** Answers with what came of a request, when it has come. */
function settle(
  exchange: Exchange,
  request: Http1Request,
  outcome: HttpReply | Promise<HttpReply>,
  hasContent: boolean,
): void {
  const arrived = (reply: HttpReply): void => answer(exchange, reply, hasContent && mustClose(exchange, request));
  if (outcome instanceof Promise) {
    void outcome.then(arrived, (error: unknown) => arrived(toFailureReply(error, request, exchange.context.log)));
  } else {
    arrived(outcome);
  }
}

/** Refuses a request before anyone has seen it. Its content, if any, stays unread, so the connection ends with it. */
function refuse(exchange: Exchange, error: unknown): void {
  closeWithLinger(exchange.message.socket);
  answer(exchange, toErrorReply(error), true);
}

function answer(exchange: Exchange, reply: HttpReply, isLast: boolean): void {
  const { message, response, context } = exchange;
  if (response.destroyed || message.socket.writableEnded) {
    discardReply(reply);
    return;
  }
  const options = {
    method: message.method ?? "GET",
    isLast: isLast || context.isClosing(message.socket),
    persistence: exchange.persistence,
    stallTimeoutMs: context.limits.replyStallTimeoutMs,
    failed: (error: Error) => context.log.error({ err: error, method: message.method }, "reply broke off"),
  };
  try {
    const whole = writeHttp1Reply(response, reply, options);
    if (exchange.isPlain && whole !== undefined && reply.memo !== undefined) {
      context.memo.remember(message, reply.memo, whole);
    }
  } catch (error) {
    context.log.error({ err: error, method: message.method }, "reply cannot be written");
    discardReply(reply);
    if (response.headersSent) resetConnection(message.socket);
    else writeHttp1Reply(response, toErrorReply(error), options);
  }
}

function contentOf(exchange: Exchange, target: string): { maxBytes: number; onFirstRead: () => void } {
  const { context, message } = exchange;
  return {
    maxBytes: limitOfBody(context, message.method ?? "", target, message.headers),
    onFirstRead() {
      if (exchange.awaitsContinue) exchange.response.writeContinue();
      exchange.awaitsContinue = false;
    },
  };
}

/** Whether content stands between this request and the next that nobody will read. */
function mustClose(exchange: Exchange, request: Http1Request): boolean {
  if (exchange.awaitsContinue) return true;
  if (!request.hasOverflowed && (exchange.isLarge !== true || exchange.message.complete)) return false;
  closeWithLinger(exchange.message.socket);
  return true;
}

/** What the handler left unread is dropped, or the next request on the connection would never be reached. */
function discardContent(message: IncomingMessage, request: Http1Request): void {
  if (message.readableEnded) return;
  request.releaseBody();
  message.resume();
}
