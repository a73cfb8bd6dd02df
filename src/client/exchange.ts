import { NO_DIRECTIVES } from "../http/cache-control.ts";
import { isSameContent } from "../http/cache-update.ts";
import { ageMs, type ExchangeTimes, judgeUse, mayServeOnError } from "../http/freshness.ts";
import type { ReplyHeaders } from "../http/message.ts";
import type { ClientEvent, ClientEventType } from "./events.ts";
import type { Flight, Outcome } from "./flight.ts";
import type { ClientSettings } from "./options.ts";
import { readHeaders, toReply } from "./reply.ts";
import type { ClientRequest } from "./request.ts";
import type { RetryPolicy } from "./retry.ts";
import { freshen, isShareable, suits, toConditions, toStorable } from "./semantics.ts";
import { discard, send } from "./send.ts";
import { SharedBody } from "./shared-body.ts";
import type { PrivateStore, StoredResponse } from "./store.ts";

/** What an exchange works with. */
export interface ExchangeParts {
  readonly settings: ClientSettings;
  readonly policy: RetryPolicy;
  readonly store: PrivateStore;
  readonly tell: (type: ClientEventType, request: ClientRequest, details: Partial<ClientEvent>) => void;
}

/**
 * Asks the server on behalf of everyone who waits for a flight, stores what may be stored, and falls back on a stale response where
 * its headers allow that.
 *
 * @param stored what is validated; absent: a whole response is wanted.
 */
export async function exchange(
  parts: ExchangeParts,
  flight: Flight,
  stored: StoredResponse | undefined,
): Promise<Outcome> {
  const { settings, policy, store } = parts;
  const { request, signal } = flight;
  const mayValidate = request.method === "GET" && request.cache !== "reload";
  const conditions = stored !== undefined && mayValidate ? toConditions(stored) : {};
  const isConditional = Object.keys(conditions).length > 0;
  const fallback = stored !== undefined && mayFallBack(request, stored, settings.now()) ? stored : undefined;
  const requestedAtMs = settings.now();
  let response: Response;
  try {
    response = await send(settings, policy, request, {
      headers: { ...(isConditional && ownControl(request)), ...request.headers, ...conditions },
      cache: cacheUnderneath(request, stored, isConditional),
      signal,
      // Whoever has something to show need not wait.
      mayRetry: fallback === undefined,
      onRetry: (details) => parts.tell("retry", request, details),
    });
  } catch (error) {
    if (fallback === undefined || signal.aborted || flight.isOutdated) throw error;
    return fromStore("stale", fallback, settings.now());
  }
  const times = { requestedAtMs, receivedAtMs: settings.now() };
  if (fallback !== undefined && SERVER_ERRORS.has(response.status) && !flight.isOutdated) {
    await discard(response);
    return fromStore("stale", fallback, times.receivedAtMs);
  }
  if (response.status === 304 && isConditional && stored !== undefined) {
    await discard(response);
    const updated = freshen(stored, readHeaders(response.headers), times);
    if (!flight.isOutdated) store.put(updated);
    return fromStore("revalidated", updated, times.receivedAtMs);
  }
  if (!REPRODUCIBLE.has(response.type)) return { kind: "single", response };
  return take(parts, flight, stored, response, times);
}

/**
 * What a validation asks of the caches on its way: as the Fetch standard has it for the mode, else any response that is still fresh.
 * Left to itself, `fetch` would add `no-cache` to whatever has conditions, and every validation would pass by all of them.
 */
function ownControl({ cache }: ClientRequest): { readonly "cache-control": string } {
  return { "cache-control": cache === "no-cache" ? "max-age=0" : "min-fresh=0" };
}

/** Failures that stale-if-error is for (RFC 5861 section 4). */
const SERVER_ERRORS = new Set([500, 502, 503, 504]);

/** Types of responses that show all that there is. Others (opaque ones) hide it. */
const REPRODUCIBLE = new Set<Response["type"]>(["basic", "cors", "default"]);

/** A response other than 304: to the callers, and where allowed into the store. */
function take(
  { settings, store }: ExchangeParts,
  flight: Flight,
  stored: StoredResponse | undefined,
  response: Response,
  times: ExchangeTimes,
): Outcome {
  const { request } = flight;
  const { status } = response;
  const headers = readHeaders(response.headers);
  const limits = { maxBytes: settings.maxBodyBytes, idleTimeoutMs: settings.idleTimeoutMs };
  const body = response.body === null ? undefined : new SharedBody(response.body, limits, flight.signal);
  const storable = toStorable(request, response, headers, times);
  if (stored !== undefined && !flight.isOutdated) replace(store, request, stored, status, headers, times);
  let isComplete = body === undefined;
  const keep = (content: Uint8Array<ArrayBuffer> | undefined): void => {
    isComplete = true;
    const mayKeep = content !== undefined && storable !== undefined && !flight.isOutdated;
    if (mayKeep) store.put({ ...storable, body: content });
  };
  if (body === undefined) keep(new Uint8Array());
  else body.whole.then(keep, () => {});
  return {
    kind: "miss",
    reply: {
      status,
      statusText: response.statusText,
      headers,
      url: response.url,
      isRedirected: response.redirected,
      type: response.type,
      content: body,
    },
    suits: (other) => isShareable(headers, request, other),
    admits: () =>
      storable !== undefined &&
      !isComplete &&
      body?.isOpenToReaders === true &&
      judgeUse(storable.freshness, NO_DIRECTIVES, settings.now()) === "fresh",
  };
}

/** What becomes of a stored response when another came for the same request. An error leaves it as it was. */
function replace(
  store: PrivateStore,
  request: ClientRequest,
  stored: StoredResponse,
  status: number,
  headers: Readonly<ReplyHeaders>,
  times: ExchangeTimes,
): void {
  if (status >= 500) return;
  // RFC 9111 section 4.3.5: a HEAD of the same content freshens what is stored.
  const isConfirmed = request.method === "HEAD" && status === 200 && isSameContent(stored.headers, headers);
  if (isConfirmed) store.put(freshen(stored, headers, times));
  else store.remove(stored);
}

function fromStore(kind: "revalidated" | "stale", stored: StoredResponse, nowMs: number): Outcome {
  return {
    kind,
    reply: toReply(stored, ageMs(stored.freshness, nowMs)),
    suits: (other) => suits(stored, other),
    admits: () => false,
  };
}

function mayFallBack(request: ClientRequest, stored: StoredResponse, nowMs: number): boolean {
  if (request.cache === "reload" || request.cache === "no-cache") return false;
  return mayServeOnError(stored.freshness, request.control, nowMs, 0);
}

/** The cache mode for the `fetch` underneath: a browser has a cache of its own there. */
function cacheUnderneath(
  request: ClientRequest,
  stored: StoredResponse | undefined,
  isConditional: boolean,
): RequestInit["cache"] {
  if (isConditional) return "no-store";
  if (request.cache === "reload") return "reload";
  return stored !== undefined || request.cache === "no-cache" ? "no-cache" : "default";
}
