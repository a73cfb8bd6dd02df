import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { HttpReply } from "../../http/message.ts";
import { checkFraming, type Framing } from "./http1-framing.ts";
import { pendingReply } from "./http1-refusal.ts";
import { Http1Request } from "./http1-request.ts";
import { isWhole, JOINED_BYTES, joinReply, renderWhole, type WholeReply } from "./http1-whole.ts";
import { ask, type ServeContext } from "./serve.ts";

/**
 * Answers requests whose reply is at hand when their head has been parsed, before Node makes a ServerResponse and queues
 * for it: that is most of what `node:http` costs.
 *
 * Node's parser stays, and so does everything it checks; what happens next is chosen by the function that it calls with each
 * request. It has no documented name. Where a Node should not have it, every request takes the documented way.
 *
 * Tried is only what needs nothing of a ServerResponse (content, interim replies, other protocols, older ones) on a
 * connection that has nothing else on it: no reply under way, nothing unsent, no wish to end it. A connection's first request
 * always takes the long way, whose end starts the keep-alive timer that reads and writes then renew.
 */
export interface AtOnce {
  /** Told of each connection once Node serves it. */
  accept(socket: Socket): void;
  /** What came of a request that was begun here and takes the long way after all, which it does at once; `undefined` for any other. */
  take(message: IncomingMessage): Begun | undefined;
}

/** A request that was begun before there was a response for it. */
export interface Begun {
  readonly message: IncomingMessage;
  readonly request: Http1Request;
  readonly outcome: HttpReply | Promise<HttpReply>;
}

/** How replies are written. */
export interface AtOnceSettings {
  /** The fields by which a reply says that its connection stays open. */
  readonly persistence: string;
  /** How long a connection may be idle between requests; 0 for ever. */
  readonly idleTimeoutMs: number;
}

export function createAtOnce(context: ServeContext, settings: AtOnceSettings): AtOnce {
  let begun: Begun | undefined;

  /** Answers the request and says so, or leaves it to `take`, begun or not. */
  function attempt(message: IncomingMessage, socket: Socket): boolean {
    const remembered = context.memo.recall(message);
    const whole = remembered ?? walk(message);
    if (whole === undefined) return false;
    write(socket, whole);
    if (socket.writableLength > 0) awaitTaking(socket, context.limits.replyStallTimeoutMs, settings.idleTimeoutMs);
    return true;
  }

  function walk(message: IncomingMessage): WholeReply | undefined {
    begun = begin(message, context);
    if (begun === undefined || begun.outcome instanceof Promise) return undefined;
    const { outcome: reply } = begun;
    const whole = wholeOf(reply, message.method ?? "GET", settings.persistence);
    if (whole === undefined) return undefined;
    begun = undefined;
    if (reply.memo !== undefined) context.memo.remember(message, reply.memo, whole);
    return whole;
  }

  return {
    accept(socket) {
      const { parser } = socket as { parser?: Partial<Parser> | null };
      const next = parser?.onIncoming;
      if (parser === null || parser === undefined || typeof next !== "function") return;
      let isFirst = true;
      parser.onIncoming = (message, keepAlive) => {
        if (
          !isFirst &&
          keepAlive &&
          isPlain(message) &&
          isFree(socket) &&
          !context.isClosing() &&
          attempt(message, socket)
        ) {
          // The parser is to forget it, or it would end its stream, which nobody reads.
          parser.incoming = null;
          return 0;
        }
        isFirst = false;
        return next.call(parser, message, keepAlive);
      };
    },
    take(message) {
      const taken = begun?.message === message ? begun : undefined;
      begun = undefined;
      return taken;
    },
  };
}

/** Begins a request; `undefined`: it is one that needs more looking at, and was not begun. */
function begin(message: IncomingMessage, context: ServeContext): Begun | undefined {
  let framing: Framing;
  try {
    framing = checkFraming(message, context.limits);
  } catch {
    return undefined;
  }
  if (framing.hasContent || framing.hasExpectation || framing.target === "*") return undefined;
  const request = new Http1Request(message, undefined, framing.target, framing.authority, undefined);
  return { message, request, outcome: ask(request, context) };
}

/** The reply to be written by itself; `undefined` for a stream, and for one that cannot be written, which the long way deals with. */
function wholeOf(reply: HttpReply, method: string, persistence: string): WholeReply | undefined {
  if (!isWhole(reply.body)) return undefined;
  try {
    return renderWhole(reply, reply.body, method, persistence);
  } catch {
    return undefined;
  }
}

function write(socket: Socket, whole: WholeReply): void {
  const { head, content, bytes } = whole;
  if (bytes !== undefined) {
    socket.write(bytes);
  } else if (content === undefined) {
    socket.write(head, "latin1");
  } else if (typeof content === "string" || content.length <= JOINED_BYTES) {
    socket.write(joinReply(whole));
  } else {
    socket.cork();
    socket.write(head, "latin1");
    socket.write(content);
    socket.uncork();
  }
}

/** A client that has not taken its reply at once is given a time to take more; after that the connection may be idle as ever. */
function awaitTaking(socket: Socket, stallTimeoutMs: number, idleTimeoutMs: number): void {
  socket.setTimeout(stallTimeoutMs);
  // Called when what is before it has been taken.
  socket.write("", () => {
    if (pendingReply(socket) === undefined) socket.setTimeout(idleTimeoutMs);
  });
}

/** The part that is used of what connects a connection to its server. */
interface Parser {
  /** Called with each request when its head is whole; its answer tells the parser whether content follows. */
  onIncoming: (message: IncomingMessage, keepAlive: boolean) => number;
  incoming: IncomingMessage | null;
}

function isPlain(message: IncomingMessage): boolean {
  return (
    (message as { upgrade?: unknown }).upgrade !== true &&
    message.httpVersionMajor === 1 &&
    message.httpVersionMinor === 1
  );
}

function isFree(socket: Socket): boolean {
  return pendingReply(socket) === undefined && socket.writableLength === 0 && socket.writable && !socket.destroyed;
}
