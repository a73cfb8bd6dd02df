import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { HttpReply } from "../../http/message.ts";
import type { Http1Request } from "./http1-request.ts";

/** A request that was begun before there was a response for it. */
export interface Begun {
  readonly message: IncomingMessage;
  readonly request: Http1Request;
  readonly outcome: HttpReply | Promise<HttpReply>;
}

/** A request whose reply is awaited, in the place where Node keeps the response that is under way on a connection. */
export class Turn {
  /** Node and we ask the response under way for these. */
  readonly finished = false;
  readonly begun: Begun;
  /** It is an ordinary request by now. */
  isOver = false;
  readonly #promote: (turn: Turn) => void;

  constructor(begun: Begun, promote: (turn: Turn) => void) {
    this.begun = begun;
    this.#promote = promote;
  }

  /** Nobody listens. */
  emit(): boolean {
    return false;
  }

  /** Makes the request an ordinary one, with a response in this place. */
  promote(): void {
    this.isOver = true;
    this.#promote(this);
  }
}

/** The response that Node is writing or waiting for on a socket; of a request that has its turn one is made. No public name leads there. */
export function pendingResponse(socket: Socket): (ServerResponse & { req: IncomingMessage }) | undefined {
  const held = socket as { _httpMessage?: (ServerResponse & { req: IncomingMessage }) | Turn | null };
  if (held._httpMessage instanceof Turn) held._httpMessage.promote();
  const { _httpMessage: response } = held;
  return response instanceof Turn ? undefined : (response ?? undefined);
}

/** Whether a reply is under way on a socket. */
export function isReplyPending(socket: Socket): boolean {
  const { _httpMessage: response } = socket as { _httpMessage?: unknown };
  return response !== null && response !== undefined;
}

/** Puts a request in the response's place, or nothing. */
export function setPending(socket: Socket, turn: Turn | null): void {
  (socket as { _httpMessage?: unknown })._httpMessage = turn;
}
