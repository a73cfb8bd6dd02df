import type { IncomingHttpHeaders } from "node:http";
import { HotpathError } from "../errors.ts";
import { DelegatedRequest } from "../http/delegated-request.ts";
import type { HttpReply, HttpRequest } from "../http/message.ts";
import { toProblemReply } from "../http/problem.ts";

export interface DeadlineSettings {
  /** What every request may take; `null`: as long as it needs. */
  readonly deadlineMs: number | null;
  /** Whether a client may ask for less. */
  readonly heedRequestTimeout: boolean;
}

type Handle = (request: HttpRequest) => HttpReply | Promise<HttpReply>;

/**
 * Gives requests a time budget: the server's, or what is left of the client's `Request-Timeout` (seconds) where that is less. When
 * it is spent the request's signal aborts, which cancels its statement and its call to an upstream, and it is answered 504.
 * Requests without a budget are passed on untouched.
 */
export function withDeadlines(handle: Handle, { deadlineMs, heedRequestTimeout }: DeadlineSettings): Handle {
  if (deadlineMs === null && !heedRequestTimeout) return handle;
  return (request) => {
    const asked = heedRequestTimeout ? request.headers["request-timeout"] : undefined;
    if (asked === undefined && deadlineMs === null) return handle(request);
    const askedMs = asked === undefined ? Number.POSITIVE_INFINITY : parseTimeout(asked);
    if (askedMs === undefined) {
      return toProblemReply(new HotpathError("HP_BAD_REQUEST", "Request-Timeout is a number of seconds, such as 1.5."));
    }
    return answerInTime(request, handle, Math.min(askedMs, deadlineMs ?? Number.POSITIVE_INFINITY));
  };
}

async function answerInTime(request: HttpRequest, handle: Handle, budgetMs: number): Promise<HttpReply> {
  const limited = new DeadlineRequest(request, budgetMs);
  const { promise, resolve } = Promise.withResolvers<HttpReply>();
  let isOver = false;
  const timer = setTimeout(() => {
    isOver = true;
    const error = new HotpathError("HP_DEADLINE", `The request was not answered within ${budgetMs} ms.`);
    limited.expire(error);
    resolve(toProblemReply(error));
  }, budgetMs);
  const answer = (async () => handle(limited))();
  // A reply that comes too late is let go of, and so is a failure.
  answer.then((reply) => isOver && discard(reply), ignore);
  try {
    return await Promise.race([answer, promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** A request whose signal also aborts when its time is over, and that tells whoever it is passed on to how much is left. */
class DeadlineRequest extends DelegatedRequest {
  readonly #request: HttpRequest;
  readonly #controller = new AbortController();
  readonly #endsMs: number;
  #signal: AbortSignal | undefined;

  constructor(request: HttpRequest, budgetMs: number) {
    super(request);
    this.#request = request;
    this.#endsMs = performance.now() + budgetMs;
  }

  expire(reason: HotpathError): void {
    this.#controller.abort(reason);
  }

  override get signal(): AbortSignal {
    this.#signal ??= AbortSignal.any([this.#request.signal, this.#controller.signal]);
    return this.#signal;
  }

  override get headers(): Readonly<IncomingHttpHeaders> {
    const leftMs = Math.max(1, this.#endsMs - performance.now());
    return { ...this.#request.headers, "request-timeout": (leftMs / 1000).toFixed(3) };
  }
}

/** Milliseconds, or undefined for what is no number of seconds that a timer can wait. */
function parseTimeout(text: string | readonly string[]): number | undefined {
  const match = typeof text === "string" ? /^\d{1,6}(?:\.\d{1,6})?$/.exec(text) : null;
  return match === null ? undefined : Math.max(1, Math.round(Number(match[0]) * 1000));
}

function discard({ body }: HttpReply): void {
  if (typeof body === "object" && "destroy" in body) body.destroy();
}

function ignore(): void {}
