import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { HotpathError } from "../../errors.ts";
import type { HttpReply } from "../../http/message.ts";
import { checkFraming, type Framing } from "./http1-framing.ts";
import type { MemoTicket } from "./http1-memo.ts";
import { closeStalled, closeWithLinger, refuseConnection, toConnectionRefusal } from "./http1-refusal.ts";
import { resetConnection, writeHttp1Reply } from "./http1-reply.ts";
import { Http1Request } from "./http1-request.ts";
import { toErrorReply } from "./refusal.ts";
import { discardReply } from "./reply-body.ts";
import { SERVER_OPTIONS_REPLY, toFailureReply, type ServeContext } from "./serve.ts";

/** Serves the requests of a `node:http` or `node:https` server, and refuses what is none. */
export function serveHttp1(server: Server, context: ServeContext): void {
  const { limits, log } = context;
  const { memo } = context;
  server.on("request", (message, response) => {
    const ticket = memo.observe(message, response);
    serveInTurn({ message, response, context, ticket, awaitsContinue: false });
  });
  server.on("checkContinue", (message, response) => {
    memo.observe(message, response);
    serveInTurn({ message, response, context, ticket: undefined, awaitsContinue: true });
  });
  server.on("checkExpectation", (message, response) => {
    const error = new HotpathError("HP_EXPECTATION_FAILED", "Nothing but 100-continue can be expected.");
    memo.observe(message, response);
    refuse({ message, response, context, ticket: undefined, awaitsContinue: true }, error);
  });
  server.on("timeout", (socket) => closeStalled(socket, limits.replyStallTimeoutMs));
  server.on("connect", (_message, socket: Socket) => {
    refuseConnection(socket, new HotpathError("HP_METHOD_NOT_ALLOWED", "CONNECT is refused: this is no proxy."));
  });
  server.on("clientError", (error: Error & { code?: string; rawPacket?: Buffer }, socket: Socket) => {
    log.debug({ code: error.code, remoteAddress: socket.remoteAddress }, "malformed request");
    refuseConnection(socket, toConnectionRefusal(error, limits));
  });
}

interface Exchange {
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
  readonly context: ServeContext;
  /** Under which bytes the reply may be remembered. */
  readonly ticket: MemoTicket | undefined;
  /** The client holds its content back until told to continue. */
  awaitsContinue: boolean;
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
    framing = checkFraming(message, context.limits);
  } catch (error) {
    refuse(exchange, error);
    return;
  }
  if (framing.target === "*") {
    answer(exchange, SERVER_OPTIONS_REPLY, exchange.awaitsContinue);
    return;
  }
  const content = framing.hasContent ? contentOf(exchange) : undefined;
  const request = new Http1Request(message, response, framing.target, framing.authority, content);
  if (content !== undefined) response.once("finish", () => discardContent(message, request));
  let outcome: HttpReply | Promise<HttpReply>;
  try {
    outcome = context.handle(request);
  } catch (error) {
    outcome = toFailureReply(error, request, context.log);
  }
  if (outcome instanceof Promise) {
    const settle = (reply: HttpReply): void => {
      answer(exchange, reply, content !== undefined && mustClose(exchange, request));
    };
    void outcome.then(settle, (error: unknown) => settle(toFailureReply(error, request, context.log)));
  } else {
    answer(exchange, outcome, content !== undefined && mustClose(exchange, request));
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
    isLast: isLast || context.isClosing(),
    stallTimeoutMs: context.limits.replyStallTimeoutMs,
    failed: (error: Error) => context.log.error({ err: error, method: message.method }, "reply broke off"),
  };
  try {
    const content = writeHttp1Reply(response, reply, options);
    if (reply.memo !== undefined && content !== "streamed") {
      context.memo.remember(exchange.ticket, response, reply.memo, content.bytes);
    }
  } catch (error) {
    context.log.error({ err: error, method: message.method }, "reply cannot be written");
    discardReply(reply);
    if (response.headersSent) resetConnection(message.socket);
    else writeHttp1Reply(response, toErrorReply(error), options);
  }
}

function contentOf(exchange: Exchange): { maxBytes: number; onFirstRead: () => void } {
  return {
    maxBytes: exchange.context.limits.maxBodyBytes,
    onFirstRead() {
      if (exchange.awaitsContinue) exchange.response.writeContinue();
      exchange.awaitsContinue = false;
    },
  };
}

/** Whether content stands between this request and the next that nobody will read. */
function mustClose(exchange: Exchange, request: Http1Request): boolean {
  if (exchange.awaitsContinue) return true;
  if (!request.hasOverflowed) return false;
  closeWithLinger(exchange.message.socket);
  return true;
}

/** What the handler left unread is dropped, or the next request on the connection would never be reached. */
function discardContent(message: IncomingMessage, request: Http1Request): void {
  if (message.readableEnded) return;
  request.releaseBody();
  message.resume();
}
