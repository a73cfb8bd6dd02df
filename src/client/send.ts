import type { ClientEvent } from "./events.ts";
import type { ClientSettings } from "./options.ts";
import type { ClientRequest } from "./request.ts";
import type { RetryPolicy } from "./retry.ts";

/** How a request is sent on behalf of its callers. */
export interface SendOptions {
  /** Request fields instead of the caller's. */
  readonly headers: Readonly<Record<string, string>>;
  /** Cache mode for the `fetch` underneath, which may have a cache of its own. */
  readonly cache: RequestInit["cache"];
  /** Gives the request up, and afterwards the body. */
  readonly signal: AbortSignal;
  /** Whether failed attempts may be repeated. */
  readonly mayRetry: boolean;
  readonly onRetry: (details: Pick<ClientEvent, "attempt" | "delayMs" | "status" | "error">) => void;
}

/**
 * Sends a request until it succeeds, fails for good, or the time is up.
 *
 * @returns the last response, whatever its status.
 * @throws what `fetch` threw last; a DOMException `TimeoutError`; the reason of the signal.
 */
export async function send(
  settings: ClientSettings,
  policy: RetryPolicy,
  request: ClientRequest,
  options: SendOptions,
): Promise<Response> {
  const { origin } = new URL(request.url);
  const deadlineMs = settings.now() + settings.timeoutMs;
  policy.admit(origin);
  for (let attempt = 1; ; attempt++) {
    const outcome = await attemptOnce(settings, request, options, deadlineMs - settings.now());
    options.signal.throwIfAborted();
    const remainingMs = deadlineMs - settings.now();
    const delayMs =
      request.canRepeat && options.mayRetry
        ? policy.delayAfter({
            origin,
            attempt,
            remainingMs,
            ...("response" in outcome && { response: outcome.response }),
          })
        : undefined;
    if (delayMs === undefined) {
      if ("response" in outcome) return outcome.response;
      throw outcome.error;
    }
    const cause = "error" in outcome ? outcome : { status: outcome.response.status };
    options.onRetry({ attempt, delayMs, ...cause });
    if ("response" in outcome) await discard(outcome.response);
    await settings.wait(delayMs, options.signal);
  }
}

/** Reads nothing more of a response, so that its connection is free. */
export async function discard(response: Response): Promise<void> {
  try {
    await response.body?.cancel();
  } catch {
    // Whatever broke it, it is over.
  }
}

async function attemptOnce(
  settings: ClientSettings,
  { input, init }: ClientRequest,
  { headers, cache, signal }: SendOptions,
  remainingMs: number,
): Promise<{ readonly response: Response } | { readonly error: unknown }> {
  // Browsers' own wants no `this`.
  const { fetch } = settings;
  const limitMs = Math.min(settings.attemptTimeoutMs, Math.max(0, remainingMs));
  const timeout = new AbortController();
  const timer = startTimer(limitMs, () =>
    timeout.abort(new DOMException(`No response within ${limitMs} ms.`, "TimeoutError")),
  );
  try {
    const either = AbortSignal.any([signal, timeout.signal]);
    return { response: await fetch(input, { ...init, headers, signal: either, ...(cache && { cache }) }) };
  } catch (error) {
    return { error };
  } finally {
    clearTimeout(timer);
  }
}

/** Timers hold at most 2³¹ - 1 milliseconds; more means never. */
function startTimer(limitMs: number, run: () => void): ReturnType<typeof setTimeout> | undefined {
  return limitMs < 2 ** 31 ? setTimeout(run, limitMs) : undefined;
}
