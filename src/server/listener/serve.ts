import type { Socket } from "node:net";
import type { Log, UpgradeConnection } from "../../api/source.ts";
import { HotpathError } from "../../errors.ts";
import type { HttpReply, HttpRequest } from "../../http/message.ts";
import type { BodyLimit } from "./body-limit.ts";
import { toErrorReply } from "./refusal.ts";
import type { RequestMemo } from "./http1-memo.ts";
import type { ListenerLimits } from "./settings.ts";

/** What answers requests. */
export type Handler = (request: HttpRequest) => HttpReply | Promise<HttpReply>;

/** Takes over connections whose clients ask for a WebSocket; a reply means that it did not. */
export type UpgradeHandler = (request: HttpRequest, connection: UpgradeConnection) => Promise<HttpReply | undefined>;

/** What both protocols need to serve requests. */
export interface ServeContext {
  readonly handle: Handler;
  readonly limits: ListenerLimits;
  readonly bodyLimit: BodyLimit | undefined;
  readonly log: Log;
  /** Whether the listener is draining, or a connection is to go: replies then ask the client to leave. */
  readonly isClosing: (socket?: Socket) => boolean;
  /** Repeats replies to requests with the same head; HTTP/1.1 only. */
  readonly memo: RequestMemo;
}

/** Asks the handler. What it throws at once becomes a reply. */
export function ask(request: HttpRequest, { handle, log }: ServeContext): HttpReply | Promise<HttpReply> {
  try {
    return handle(request);
  } catch (error) {
    return toFailureReply(error, request, log);
  }
}

/** The reply to `OPTIONS *`, which asks about the server as a whole (RFC 9110 section 9.3.7). */
export const SERVER_OPTIONS_REPLY: HttpReply = Object.freeze({
  status: 204,
  headers: { allow: "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS" },
  body: undefined,
});

/** The reply to a request whose handler failed; the log gets what the client does not. */
export function toFailureReply(error: unknown, request: HttpRequest, log: Log): HttpReply {
  if (!(error instanceof HotpathError) || error.status >= 500) {
    log.error({ err: error, method: request.method, path: request.path }, "request failed");
  }
  return toErrorReply(error);
}
