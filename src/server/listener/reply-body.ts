import type { Readable, Writable } from "node:stream";
import type { HttpReply } from "../../http/message.ts";

/** Field names that say something about a connection and so are the listener's alone (RFC 9110 section 7.6.1). */
export function isConnectionField(name: string): boolean {
  switch (name) {
    case "connection":
    case "keep-alive":
    case "proxy-connection":
    case "transfer-encoding":
    case "upgrade":
    case "te":
    case "trailer":
      return true;
    default:
      return false;
  }
}

/** Whether a reply of this status to this method carries content (RFC 9110 section 6.4.1). */
export function carriesContent(method: string, status: number): boolean {
  return method !== "HEAD" && status !== 204 && status !== 304;
}

/** Releases a reply that will not be written. */
export function discardReply(reply: HttpReply): void {
  const { body } = reply;
  if (body !== undefined && typeof body !== "string" && !(body instanceof Uint8Array))
    body.on("error", ignore).destroy();
}

/**
 * Copies a stream into a reply with back-pressure. `failed` is called, once, when the stream ends otherwise than it
 * should: an error, an early close, or other than `expectedBytes`; the caller then breaks the reply off. When the
 * client leaves, the stream is destroyed. `stalled` is told when the client stops and starts taking bytes.
 */
export function pumpBody(
  body: Readable,
  reply: Writable,
  options: {
    readonly expectedBytes: number | undefined;
    readonly failed: (error: Error) => void;
    readonly stalled: (isStalled: boolean) => void;
    /** Called between the last byte and the end. */
    readonly ending?: () => void;
  },
): void {
  const { expectedBytes } = options;
  let sent = 0;
  let isDone = false;
  const fail = (error: Error): void => {
    if (isDone) return;
    isDone = true;
    body.destroy();
    options.failed(error);
  };
  const onDrain = (): void => {
    options.stalled(false);
    body.resume();
  };
  body.on("data", (chunk: Buffer | string) => {
    if (isDone) return;
    sent += typeof chunk === "string" ? Buffer.byteLength(chunk) : chunk.length;
    if (expectedBytes !== undefined && sent > expectedBytes) {
      fail(new Error(`reply body has more than the announced ${expectedBytes} bytes`));
    } else if (!reply.write(chunk)) {
      body.pause();
      options.stalled(true);
      reply.once("drain", onDrain);
    }
  });
  body.once("end", () => {
    if (isDone) return;
    if (expectedBytes !== undefined && sent !== expectedBytes) {
      fail(new Error(`reply body has ${sent} bytes where ${expectedBytes} were announced`));
      return;
    }
    isDone = true;
    options.ending?.();
    reply.end();
  });
  body.on("error", fail);
  body.once("close", () => fail(new Error("reply body closed before its end")));
  reply.once("close", () => {
    isDone = true;
    body.destroy();
  });
  if (body.destroyed) fail(body.errored ?? new Error("reply body was closed before it was read"));
}

function ignore(): void {}
