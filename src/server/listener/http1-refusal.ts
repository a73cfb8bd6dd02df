import type { Socket } from "node:net";
import { HotpathError } from "../../errors.ts";
import { isReplyPending, pendingResponse } from "./http1-pending.ts";
import { toClosingMessage } from "./refusal.ts";
import type { ListenerLimits } from "./settings.ts";

/** The error that a failure of Node's HTTP/1.1 parser or of its timers means for the client. */
export function toConnectionRefusal(
  error: Error & { code?: string; rawPacket?: Buffer },
  limits: ListenerLimits,
): HotpathError {
  switch (error.code) {
    case "HPE_HEADER_OVERFLOW":
      return isUrlTooLong(error.rawPacket, limits.maxUrlBytes)
        ? new HotpathError("HP_URL_TOO_LONG", `The URL has more than ${limits.maxUrlBytes} bytes.`)
        : new HotpathError("HP_HEADERS_TOO_LARGE", `The head has more than ${limits.maxHeaderBytes} bytes.`);
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return new HotpathError("HP_BODY_TOO_LARGE", "The chunk extensions are too long.");
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new HotpathError("HP_REQUEST_TIMEOUT", "The request took too long to arrive.");
    default:
      return new HotpathError("HP_BAD_REQUEST", "The request is not well-formed HTTP/1.1.");
  }
}

/**
 * Answers on a connection that has lost its framing, and closes it. Replies to earlier requests on the connection go
 * first: the refusal must not be taken for one of them.
 */
export function refuseConnection(socket: Socket, error: HotpathError): void {
  if (socket.destroyed || socket.writableEnded) return;
  const pending = pendingResponse(socket);
  if (pending === undefined) {
    closeWithLinger(socket);
    socket.write(toClosingMessage(error));
    socket.destroySoon();
  } else if (pending.req.complete) {
    pending.once("close", () => process.nextTick(refuseConnection, socket, error));
  } else if (pending.headersSent) {
    socket.destroy();
  } else {
    // The broken request's own handler is still waiting for the content: it is answered here.
    socket.end(toClosingMessage(error), () => socket.destroy());
  }
}

/** Ends a connection whose time has run out, unless it is the server that is late with a reply. */
export function closeStalled(socket: Socket, timeoutMs: number): void {
  const isOurs = isReplyPending(socket) && socket.writableLength === 0;
  if (isOurs) socket.setTimeout(timeoutMs);
  else socket.destroy();
}

/**
 * Makes a connection's end orderly (RFC 9112 section 9.6): our side is closed, and what the client still sends is
 * dropped for a moment. Closing both sides at once would reset the connection and could take the reply with it.
 */
export function closeWithLinger(socket: Socket): void {
  socket.destroySoon = () => {
    socket.end();
    const timer = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.once("close", () => clearTimeout(timer));
    socket.resume();
  };
}

const LINGER_MS = 500;

function isUrlTooLong(packet: Buffer | undefined, maxUrlBytes: number): boolean {
  if (packet === undefined) return false;
  const lineEnd = packet.indexOf("\n");
  return lineEnd === -1 ? packet.length > maxUrlBytes && packet.indexOf(": ") === -1 : lineEnd > maxUrlBytes;
}
