import { ageMs } from "../http/freshness.ts";
import type { ClientEvent, ClientEventType } from "./events.ts";
import { exchange } from "./exchange.ts";
import { type Flight, join } from "./flight.ts";
import { createFlights } from "./flights.ts";
import { type ClientOptions, resolveOptions } from "./options.ts";
import { toReply, toResponse } from "./reply.ts";
import { type ClientRequest, readRequest } from "./request.ts";
import { createRetryPolicy } from "./retry.ts";
import { suits } from "./semantics.ts";
import { send } from "./send.ts";
import { createStore, type StoredResponse } from "./store.ts";
import { changedUrls, chooseUse } from "./use.ts";

/** A `fetch` with a private cache. */
export interface Client {
  /** As the global `fetch`, cache modes included. Needs no `this`. */
  readonly fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>;
  /**
   * Forgets what is stored: for a URL, for those that a predicate chooses, or all. Responses on their way are not stored either.
   *
   * @returns how many URLs had something stored.
   */
  readonly purge: (chosen?: string | URL | ((url: string) => boolean)) => number;
  readonly stats: () => ClientStats;
}

/** What a client has done so far, by event, and what it holds. */
export interface ClientStats extends Readonly<Record<ClientEventType, number>> {
  /** URLs with stored responses. */
  readonly entries: number;
  readonly bytes: number;
}

/**
 * Makes a client with a cache of its own (RFC 9111, private): it stores, validates, coalesces equal requests and retries.
 *
 * @throws TypeError or RangeError for options that do not exist or cannot be.
 */
export function createClient(options?: ClientOptions): Client {
  const settings = resolveOptions(options);
  const store = createStore(settings.maxBytes);
  const policy = createRetryPolicy(settings);
  const flights = createFlights();
  const counts = { ...NO_EVENTS };

  const tell = (type: ClientEventType, { method, url }: ClientRequest, details: Partial<ClientEvent> = {}): void => {
    counts[type]++;
    try {
      settings.onEvent({ type, method, url, ...details });
    } catch {
      // A listener's mistake is not the request's.
    }
  };
  const parts = { settings, policy, store, tell };

  const forget = (isChosen: (url: string) => boolean): number => {
    flights.outdate(isChosen);
    return store.purge(isChosen);
  };

  const findFlight = (request: ClientRequest): Flight | undefined => flights.find(request, store.get(request.url)[0]);

  const startFlight = (request: ClientRequest, stored: StoredResponse | undefined): Flight =>
    flights.start(request, async (flight) => exchange(parts, flight, stored));

  /** A response from the server, for one of possibly many callers. */
  const ask = async (request: ClientRequest, stored: StoredResponse | undefined, mayJoin = true): Promise<Response> => {
    const joined = mayJoin ? findFlight(request) : undefined;
    const flight = joined ?? startFlight(request, stored);
    const release = flight.hold();
    try {
      const outcome = await join(flight, request.signal);
      if (outcome.kind === "single" && joined === undefined) {
        tell("miss", request, { status: outcome.response.status });
        request.signal?.addEventListener("abort", release, { once: true });
        return outcome.response;
      }
      if (outcome.kind === "single" || (joined !== undefined && !outcome.suits(request))) {
        release();
        return await ask(request, stored, false);
      }
      tell(joined === undefined ? outcome.kind : "coalesced", request, { status: outcome.reply.status });
      return toResponse(outcome.reply, request.method, request.signal, release);
    } catch (error) {
      release();
      throw error;
    }
  };

  /** Brings a stored response up to date behind its caller's back, once at a time. */
  const refresh = async (request: ClientRequest, stored: StoredResponse): Promise<void> => {
    if (findFlight(request) !== undefined) return;
    const flight = startFlight(request, stored);
    const release = flight.hold();
    try {
      const outcome = await flight.outcome;
      await flight.landed;
      tell("refreshed", request, outcome.kind === "single" ? {} : { status: outcome.reply.status });
    } catch (error) {
      tell("refreshed", request, { error });
    } finally {
      release();
    }
  };

  /** Requests that the cache cannot answer. Unsafe ones make stored responses invalid (RFC 9111 section 4.4). */
  const bypass = async (request: ClientRequest): Promise<Response> => {
    let response: Response | undefined;
    try {
      response = await send(settings, policy, request, {
        headers: request.headers,
        cache: request.init.cache,
        signal: request.signal ?? new AbortController().signal,
        mayRetry: true,
        onRetry: (details) => tell("retry", request, details),
      });
    } finally {
      const urls = changedUrls(request, response);
      if (urls.length > 0) forget((url) => urls.includes(url));
    }
    tell("bypass", request, { status: response.status });
    return response;
  };

  /** As the directive has it (RFC 9111 section 5.2.1.7); the cache mode of that name ends as a network error. */
  const unstored = (request: ClientRequest): Response => {
    tell("failed", request, { status: 504 });
    return new Response(null, { status: 504, statusText: "Gateway Timeout" });
  };

  const answer = async (request: ClientRequest): Promise<Response> => {
    request.signal?.throwIfAborted();
    if (request.isBypass) return bypass(request);
    const nowMs = settings.now();
    const stored = store.get(request.url).find((candidate) => suits(candidate, request));
    const use = stored === undefined ? "validate" : chooseUse(request, stored, nowMs);
    if (stored !== undefined && use !== "validate") {
      store.touch(request.url);
      tell(use === "hit" ? "hit" : "stale", request, { status: stored.status });
      if (use === "refresh") void refresh(request, stored);
      return toResponse(toReply(stored, ageMs(stored.freshness, nowMs)), request.method, undefined);
    }
    if (request.control.onlyIfCached) return unstored(request);
    if (request.cache === "only-if-cached") throw new TypeError(`Nothing usable is stored for ${request.url}.`);
    return ask(request, stored);
  };

  return {
    async fetch(input, init) {
      const request = readRequest(settings, input, init);
      try {
        return await answer(request);
      } catch (error) {
        tell(request.signal?.aborted === true ? "aborted" : "failed", request, { error });
        throw error;
      }
    },
    purge(chosen = () => true) {
      if (typeof chosen === "function") return forget(chosen);
      const { url } = readRequest(settings, chosen);
      return forget((other) => other === url);
    },
    stats: () => ({ ...counts, entries: store.size, bytes: store.bytes }),
  };
}

const NO_EVENTS: Readonly<Record<ClientEventType, number>> = {
  hit: 0,
  stale: 0,
  revalidated: 0,
  miss: 0,
  coalesced: 0,
  bypass: 0,
  failed: 0,
  aborted: 0,
  retry: 0,
  refreshed: 0,
};
