import { Readable } from "node:stream";
import type { SourceReply } from "../../api/source.ts";
import type { CacheStatus, ForwardReason } from "../../http/cache-status.ts";
import { type ExchangeTimes, judgeUse, mayServeOnError } from "../../http/freshness.ts";
import { isSelectedBy } from "../../http/vary-key.ts";
import type { FlightLock } from "../flight-lock.ts";
import type { StoredReply } from "../store.ts";
import type { EngineContext, Exchange } from "./context.ts";
import { deliverFetched, deliverStored } from "./deliver.ts";
import type { Entry } from "./entry.ts";
import type { Fill } from "./fills.ts";
import type { Flight } from "./flights.ts";
import { ForwardedRequest, toAskingFields } from "./forwarded-request.ts";
import { takeTurn } from "./across-nodes.ts";
import { freshen } from "./revalidate.ts";

/**
 * Fetches what the store cannot answer: by oneself, or together with all who ask for the same at this moment.
 *
 * @param entry the stored reply to be validated, if any.
 */
export function fetchTogether(
  context: EngineContext,
  exchange: Exchange,
  entry: Entry | undefined,
  reason: ForwardReason,
): SourceReply | Promise<SourceReply> {
  const { key } = exchange;
  if (!isShareable(exchange) || context.passes.has(key, context.clock())) {
    return entry === undefined
      ? fetchAsAsked(context, exchange, reason)
      : new Fetch(context, exchange, entry, reason, undefined).begin();
  }
  const flight = context.flights.get(key);
  if (flight !== undefined) return join(context, exchange, entry, reason, flight);
  const own = context.flights.begin(key);
  return context.lock === undefined
    ? new Fetch(context, exchange, entry, reason, own).begin()
    : lead(context, context.lock, exchange, entry, reason, own);
}

async function join(
  context: EngineContext,
  exchange: Exchange,
  entry: Entry | undefined,
  reason: ForwardReason,
  flight: Flight,
): Promise<SourceReply> {
  const stored = await flight.join(context.settings.collapseWaitMs);
  if (stored !== undefined && suits(context, exchange, stored)) {
    context.counts.collapsed++;
    return deliverStored(context, context.entryOf(stored), { forward: reason, collapsed: true });
  }
  return new Fetch(context, exchange, entry, reason, undefined).begin();
}

/** Fetches with the request just as it came; the reply is stored where it may be. */
export async function fetchAsAsked(
  context: EngineContext,
  exchange: Exchange,
  reason: ForwardReason,
): Promise<SourceReply> {
  const fill = context.fills.begin(exchange.key);
  context.counts.misses++;
  const requestedAtMs = context.clock();
  const reply = await exchange.resolve(exchange.request);
  const times = { requestedAtMs, receivedAtMs: context.clock() };
  return deliverFetched(context, exchange, reply, times, fill, { forward: reason }, ignore);
}

/** Whether others may get the reply at all; who asks with `Authorization` mostly gets one of their own. */
export function isShareable({ request, identity }: Exchange): boolean {
  return identity !== "" || request.headers.authorization === undefined;
}

/** Fetches for all nodes. */
async function lead(
  context: EngineContext,
  lock: FlightLock,
  exchange: Exchange,
  entry: Entry | undefined,
  reason: ForwardReason,
  flight: Flight,
): Promise<SourceReply> {
  const turn = await takeTurn(context, lock, exchange, (stored) => suits(context, exchange, stored));
  if (turn.found !== undefined) {
    flight.settle(turn.found);
    context.counts.collapsed++;
    return deliverStored(context, context.entryOf(turn.found), { forward: reason, collapsed: true });
  }
  flight.afterwards(turn.release);
  return new Fetch(context, exchange, entry, reason, flight).begin();
}

/** Whether what another request has fetched serves this one, too. */
function suits(context: EngineContext, { request, identity, directives }: Exchange, stored: StoredReply): boolean {
  if (stored.range !== undefined) return false;
  if (!isSelectedBy(stored.vary, request.headers, stored.headers["content-language"])) return false;
  const entry = context.entryOf(stored);
  if (identity === "" && request.headers.authorization !== undefined && !entry.isForAll) return false;
  // What was asked for after this request came is as new as `no-cache` can ask for.
  const asked = { ...directives, noCache: false, maxAge: undefined };
  return judgeUse(entry.freshness, asked, context.clock()) === "fresh";
}

/** One request to the source, and what comes of its reply. Continued by callbacks: it costs less than a few async functions. */
class Fetch {
  readonly #context: EngineContext;
  readonly #exchange: Exchange;
  readonly #entry: Entry | undefined;
  readonly #reason: ForwardReason;
  readonly #flight: Flight | undefined;
  readonly #fill: Fill;
  readonly #call: ForwardedRequest;
  readonly #requestedAtMs: number;

  /**
   * @param entry the stored reply to be validated, if any.
   * @param flight waits for the outcome.
   */
  constructor(
    context: EngineContext,
    exchange: Exchange,
    entry: Entry | undefined,
    reason: ForwardReason,
    flight: Flight | undefined,
  ) {
    this.#context = context;
    this.#exchange = exchange;
    this.#entry = entry;
    this.#reason = reason;
    this.#flight = flight;
    this.#fill = context.fills.begin(exchange.key);
    this.#call = forward(context, exchange, entry, flight);
    this.#requestedAtMs = context.clock();
  }

  begin(): SourceReply | Promise<SourceReply> {
    this.#context.counts.misses++;
    let reply: SourceReply | Promise<SourceReply>;
    try {
      reply = this.#exchange.resolve(this.#call);
    } catch (error) {
      return this.#failed(error);
    }
    if (!(reply instanceof Promise)) return this.#arrived(reply);
    return reply.then(
      (later) => this.#arrived(later),
      (error: unknown) => this.#failed(error),
    );
  }

  #failed(error: unknown): SourceReply {
    this.#call.answered();
    this.#flight?.settle(undefined);
    const entry = this.#entry;
    if (entry === undefined || !mayServeFailing(this.#context, this.#exchange, entry)) throw error;
    return deliverStale(this.#context, entry, { forward: this.#reason });
  }

  #arrived(reply: SourceReply): SourceReply {
    this.#call.answered();
    const context = this.#context;
    const times = { requestedAtMs: this.#requestedAtMs, receivedAtMs: context.clock() };
    try {
      if (this.#entry !== undefined) return this.#validated(this.#entry, reply, times);
      return this.#deliver(reply, times, (stored) => this.#flight?.settle(stored));
    } catch (error) {
      this.#flight?.settle(undefined);
      throw error;
    }
  }

  /** What comes of the validation of a stored reply. */
  #validated(entry: Entry, reply: SourceReply, times: ExchangeTimes): SourceReply {
    const context = this.#context;
    const exchange = this.#exchange;
    const fill = this.#fill;
    const status: CacheStatus = { forward: this.#reason, forwardStatus: reply.status };
    if (reply.status === 304) {
      discard(reply);
      context.counts.revalidations++;
      const { current, stored } = freshen(context, exchange, entry, reply, times, fill);
      if (stored === undefined && fill.isAllowed(entry.stored.tags)) dropReplaced(context, exchange);
      this.#flight?.settle(stored);
      return deliverStored(context, context.entryOf(current), { ...status, stored: stored !== undefined });
    }
    if (isFailure(reply.status) && mayServeFailing(context, exchange, entry)) {
      discard(reply);
      this.#flight?.settle(undefined);
      return deliverStale(context, entry, status);
    }
    return this.#deliver(reply, times, (stored) => {
      // What has other content now, or may no longer be stored, must not come back while it may be used stale.
      if (stored === undefined && isAnswer(reply.status)) dropReplaced(context, exchange);
      this.#flight?.settle(stored);
    });
  }

  #deliver(reply: SourceReply, times: ExchangeTimes, settled: (stored: StoredReply | undefined) => void): SourceReply {
    return deliverFetched(this.#context, this.#exchange, reply, times, this.#fill, { forward: this.#reason }, settled);
  }
}

function dropReplaced(context: EngineContext, { key }: Exchange): void {
  void context.store.purge({ kind: "key", key });
}

function mayServeFailing(context: EngineContext, { directives }: Exchange, entry: Entry): boolean {
  return mayServeOnError(entry.freshness, directives, context.clock(), context.settings.staleIfErrorMs);
}

function deliverStale(context: EngineContext, entry: Entry, status: CacheStatus): SourceReply {
  context.counts.hits++;
  context.counts.staleHits++;
  return deliverStored(context, entry, status);
}

/** RFC 5861 section 4. */
function isFailure(status: number): boolean {
  return status === 500 || status === 502 || status === 503 || status === 504;
}

/** Whether a status tells of the resource itself, and not of the request or of trouble. */
function isAnswer(status: number): boolean {
  return status < 400 || status === 404 || status === 410;
}

function forward(
  { settings: { unattendedMs } }: EngineContext,
  { request, isUnattended }: Exchange,
  entry: Entry | undefined,
  flight: Flight | undefined,
): ForwardedRequest {
  const fields = toAskingFields(request.headers, entry?.stored.headers);
  return new ForwardedRequest(request, fields, isUnattended ? unattendedMs : undefined, flight);
}

function discard({ body }: SourceReply): void {
  if (body instanceof Readable) body.on("error", ignore).destroy();
}

function ignore(): void {}
