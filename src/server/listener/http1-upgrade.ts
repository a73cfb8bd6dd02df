import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import { HotpathError } from "../../errors.ts";
import type { HttpReply } from "../../http/message.ts";
import { ServerResponse } from "../../http/node-http.ts";
import { checkFraming } from "./http1-framing.ts";
import { closeWithLinger, refuseConnection } from "./http1-refusal.ts";
import { writeHttp1Reply } from "./http1-reply.ts";
import { Http1Request } from "./http1-request.ts";
import { isReplyPending } from "./http1-pending.ts";
import { toErrorReply } from "./refusal.ts";
import { toFailureReply, type ServeContext, type UpgradeHandler } from "./serve.ts";

/** Whether a request asks for a WebSocket (RFC 6455 section 4.2.1). */
export function isWebSocketUpgrade({ method, headers }: IncomingMessage): boolean {
  return method === "GET" && headers.upgrade?.toLowerCase() === "websocket" && "sec-websocket-key" in headers;
}

/** Hands connections over whose clients ask for a WebSocket. */
export function serveUpgrades(server: Server, context: ServeContext, upgrade: UpgradeHandler): void {
  server.on("upgrade", (message: IncomingMessage, socket: Socket, head: Buffer) => {
    socket.on("error", (error) => context.log.debug({ err: error }, "upgraded connection failed"));
    // Replies to earlier requests of the connection are still to be written; nobody but an attacker pipelines an upgrade.
    if (isReplyPending(socket) || context.isClosing()) {
      socket.destroy();
      return;
    }
    void serve(message, socket, head, context, upgrade);
  });
}

async function serve(
  message: IncomingMessage,
  socket: Socket,
  head: Buffer,
  context: ServeContext,
  upgrade: UpgradeHandler,
): Promise<void> {
  const response = new ServerResponse(message);
  let reply: HttpReply | undefined;
  try {
    const framing = checkFraming(message, context);
    if (framing.hasContent) throw new HotpathError("HP_BAD_REQUEST", "A request for a WebSocket has no content.");
    if (!isWebSocketUpgrade(message)) throw new HotpathError("HP_BAD_REQUEST", "Only WebSockets can be asked for.");
    response.assignSocket(socket);
    const request = new Http1Request(message, response, framing.target, framing.authority, undefined);
    reply = await upgrade(request, { socket, head }).catch((error: unknown) =>
      toFailureReply(error, request, context.log),
    );
  } catch (error) {
    if (error instanceof HotpathError) refuseConnection(socket, error);
    else socket.destroy();
    return;
  }
  if (reply === undefined) {
    response.detachSocket(socket);
    return;
  }
  if (socket.destroyed) return;
  closeWithLinger(socket);
  writeRefusal(response, socket, reply, context);
}

/** Answers in place of the switch. The connection has left Node's server, so it ends with this reply. */
function writeRefusal(
  response: InstanceType<typeof ServerResponse>,
  socket: Socket,
  reply: HttpReply,
  context: ServeContext,
): void {
  response.shouldKeepAlive = false;
  response.once("finish", () => socket.destroySoon());
  const options = {
    method: "GET",
    isLast: true,
    stallTimeoutMs: context.limits.replyStallTimeoutMs,
    failed: (error: Error) => context.log.error({ err: error }, "reply broke off"),
  };
  socket.once("timeout", () => socket.destroy());
  try {
    writeHttp1Reply(response, reply, options);
  } catch (error) {
    context.log.error({ err: error }, "reply cannot be written");
    writeHttp1Reply(response, toErrorReply(error), options);
  }
}
