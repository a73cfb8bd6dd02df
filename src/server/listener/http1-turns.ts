import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { HttpReply } from "../../http/message.ts";
import { checkFraming, type Framing } from "./http1-framing.ts";
import { type Begun, isReplyPending, setPending, Turn } from "./http1-pending.ts";
import { Http1Request } from "./http1-request.ts";
import { isWhole, JOINED_BYTES, joinReply, renderWhole, type WholeReply } from "./http1-whole.ts";
import { discardReply } from "./reply-body.ts";
import { ask, toFailureReply, type ServeContext } from "./serve.ts";

/**
 * Answers requests without a ServerResponse: making one, queueing for it and winding it up is most of what `node:http` costs.
 *
 * Node's parser stays, and so does everything it checks; what happens next is chosen by the function that it calls with each
 * request. It has no documented name. Where a Node should not have it, every request takes the documented way.
 *
 * A request has its turn only when it needs nothing of a ServerResponse (content, interim replies, other protocols, older
 * ones) and its connection has nothing else on it: no reply under way, nothing unsent, no wish to end it. Whatever turns
 * up while its reply is awaited makes it an ordinary request again: another request, a reply in parts, the end of the server.
 * A connection's first request always takes the ordinary way, whose end starts the keep-alive timer that reads and writes renew.
 */
export interface Turns {
  /** Told of each connection once Node serves it. */
  accept(socket: Socket): void;
  /** What has come of a request that was begun here and is an ordinary one from now on; `undefined` for any other. */
  take(message: IncomingMessage): Begun | undefined;
}

/** How replies are written. */
export interface TurnSettings {
  /** The fields by which a reply says that its connection stays open. */
  readonly persistence: string;
  /** How long a connection may be idle between requests; 0 for ever. */
  readonly idleTimeoutMs: number;
}

export function createTurns(context: ServeContext, settings: TurnSettings): Turns {
  /** The request that Node is about to make a response for. */
  let leaving: Begun | undefined;
  const { persistence, idleTimeoutMs } = settings;
  const stallTimeoutMs = context.limits.replyStallTimeoutMs;

  function write(socket: Socket, whole: WholeReply): void {
    writeWhole(socket, whole);
    if (socket.writableLength > 0) awaitTaking(socket, stallTimeoutMs, idleTimeoutMs);
    // What was awaited for long may have been given more time.
    else if (socket.timeout !== idleTimeoutMs) socket.setTimeout(idleTimeoutMs);
  }

  /** Writes a reply by itself, where it can be. */
  function answer(socket: Socket, message: IncomingMessage, reply: HttpReply): boolean {
    const whole = context.isClosing(socket) ? undefined : wholeOf(reply, message.method ?? "GET", persistence);
    if (whole === undefined) return false;
    write(socket, whole);
    if (reply.memo !== undefined) context.memo.remember(message, reply.memo, whole);
    return true;
  }

  function serveConnection(socket: Socket, parser: Parser): void {
    const next = parser.onIncoming;
    let isFirst = true;
    let turn: Turn | undefined;

    /** Makes a request an ordinary one: Node makes its response and hands both on, and `take` tells what has come of it. */
    const leave = (message: IncomingMessage, keepAlive: boolean, begun?: Begun): number => {
      leaving = begun;
      const answer = next.call(parser, message, keepAlive);
      leaving = undefined;
      return answer;
    };
    const over = (): void => {
      turn = undefined;
      setPending(socket, null);
    };
    const arrived = (mine: Turn, reply: HttpReply): void => {
      // As an ordinary request it is seen to by others.
      if (mine.isOver) return;
      over();
      if (socket.destroyed || socket.writableEnded) {
        discardReply(reply);
        return;
      }
      const { message, request } = mine.begun;
      if (answer(socket, message, reply)) return;
      endMessage(message);
      leave(message, true, { message, request, outcome: reply });
    };
    const promote = (mine: Turn): void => {
      over();
      endMessage(mine.begun.message);
      leave(mine.begun.message, true, mine.begun);
    };
    /** Answers a request, or awaits its reply; `false`: it is for Node to serve. */
    const serve = (message: IncomingMessage): Begun | boolean => {
      const remembered = context.memo.recall(message);
      if (remembered !== undefined) {
        write(socket, remembered);
        return true;
      }
      const begun = begin(message, context);
      if (begun === undefined) return false;
      const { outcome, request } = begun;
      if (!(outcome instanceof Promise)) return answer(socket, message, outcome) || begun;
      if (request.hasHints) return begun;
      const mine = new Turn(begun, promote);
      turn = mine;
      setPending(socket, mine);
      request.awaitResponse(() => promote(mine));
      void outcome.then(
        (reply) => arrived(mine, reply),
        (error: unknown) => arrived(mine, toFailureReply(error, request, context.log)),
      );
      return true;
    };

    parser.onIncoming = (message, keepAlive) => {
      turn?.promote();
      if (isFirst || !keepAlive || !isPlain(message) || !isFree(socket) || context.isClosing(socket)) {
        isFirst = false;
        return leave(message, keepAlive);
      }
      const served = serve(message);
      if (served === true) {
        // The parser is to forget it, or it would end its stream, which nobody reads.
        parser.incoming = null;
        return 0;
      }
      return leave(message, keepAlive, served === false ? undefined : served);
    };
    socket.once("close", () => {
      turn?.begun.request.abandon();
      turn = undefined;
    });
  }

  return {
    accept(socket) {
      const { parser } = socket as { parser?: Partial<Parser> | null };
      if (isParser(parser)) serveConnection(socket, parser);
    },
    take(message) {
      const taken = leaving?.message === message ? leaving : undefined;
      leaving = undefined;
      return taken;
    },
  };
}

/** Does to a request without content what the parser would have done, had it not been told to forget it. */
function endMessage(message: IncomingMessage): void {
  message.complete = true;
  message.push(null);
}

/** Begins a request; `undefined`: it is one that needs more looking at, and was not begun. */
function begin(message: IncomingMessage, context: ServeContext): Begun | undefined {
  let framing: Framing;
  try {
    framing = checkFraming(message, context);
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

function writeWhole(socket: Socket, whole: WholeReply): void {
  const { head, content, isAscii, bytes } = whole;
  if (bytes !== undefined) {
    socket.write(bytes);
  } else if (content === undefined) {
    socket.write(head, "latin1");
  } else if (isAscii === true && content.length <= JOINED_BYTES) {
    // A text is copied once, to where the socket takes it from; joined to bytes it would be copied before that, too.
    socket.write(head + String(content), "latin1");
  } else if (typeof content === "string" || content.length <= JOINED_BYTES) {
    socket.write(joinReply(whole));
  } else {
    socket.cork();
    socket.write(whole.headBytes ?? Buffer.from(head, "latin1"));
    socket.write(content);
    socket.uncork();
  }
}

/** A client that has not taken its reply at once is given a time to take more; after that the connection may be idle as ever. */
function awaitTaking(socket: Socket, stallTimeoutMs: number, idleTimeoutMs: number): void {
  socket.setTimeout(stallTimeoutMs);
  // Called when what is before it has been taken.
  socket.write("", () => {
    if (!isReplyPending(socket)) socket.setTimeout(idleTimeoutMs);
  });
}

/** The part that is used of what connects a connection to its server. */
interface Parser {
  /** Called with each request when its head is whole; its answer tells the parser whether content follows. */
  onIncoming: (message: IncomingMessage, keepAlive: boolean) => number;
  incoming: IncomingMessage | null;
}

function isParser(parser: Partial<Parser> | null | undefined): parser is Parser {
  return typeof parser?.onIncoming === "function" && parser.incoming !== undefined;
}

function isPlain(message: IncomingMessage): boolean {
  const { upgrade } = message as { upgrade?: unknown };
  return upgrade !== true && message.httpVersionMajor === 1 && message.httpVersionMinor === 1;
}

function isFree(socket: Socket): boolean {
  return !isReplyPending(socket) && socket.writableLength === 0 && socket.writable && !socket.destroyed;
}
