import { Readable } from "node:stream";
import type { SourceReply } from "../../api/source.ts";
import type { CacheStatus, ForwardReason } from "../../http/cache-status.ts";
import { type ExchangeTimes, judgeUse, mayServeOnError } from "../../http/freshness.ts";
import { isSelectedBy } from "../../http/vary-key.ts";
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
export async function fetchTogether(
  context: EngineContext,
  exchange: Exchange,
  entry: Entry | undefined,
  reason: ForwardReason,
): Promise<SourceReply> {
  const { key } = exchange;
  if (!isShareable(exchange) || context.passes.has(key, context.clock())) {
    return entry === undefined
      ? fetchAsAsked(context, exchange, reason)
      : ask(context, exchange, entry, reason, undefined);
  }
  const flight = context.flights.get(key);
  if (flight === undefined) return lead(context, exchange, entry, reason);
  const stored = await flight.join(context.settings.collapseWaitMs);
  if (stored !== undefined && suits(context, exchange, stored)) {
    context.counts.collapsed++;
    return deliverStored(context, context.entryOf(stored), { forward: reason, collapsed: true });
  }
  return ask(context, exchange, entry, reason, undefined);
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
  try {
    const reply = await exchange.resolve(exchange.request);
    const times = { requestedAtMs, receivedAtMs: context.clock() };
    return deliverFetched(context, exchange, reply, times, fill, { forward: reason }, ignore);
  } catch (error) {
    fill.end();
    throw error;
  }
}

/** Whether others may get the reply at all; who asks with `Authorization` mostly gets one of their own. */
export function isShareable({ request, identity }: Exchange): boolean {
  return identity !== "" || request.headers.authorization === undefined;
}

/** Fetches for all who ask on this node, and, where nodes share a lock, for all nodes. */
async function lead(
  context: EngineContext,
  exchange: Exchange,
  entry: Entry | undefined,
  reason: ForwardReason,
): Promise<SourceReply> {
  const flight = context.flights.begin(exchange.key);
  if (context.lock === undefined) return ask(context, exchange, entry, reason, flight);
  const turn = await takeTurn(context, context.lock, exchange, (stored) => suits(context, exchange, stored));
  if (turn.found !== undefined) {
    flight.settle(turn.found);
    context.counts.collapsed++;
    return deliverStored(context, context.entryOf(turn.found), { forward: reason, collapsed: true });
  }
  flight.afterwards(turn.release);
  return ask(context, exchange, entry, reason, flight);
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

async function ask(
  context: EngineContext,
  exchange: Exchange,
  entry: Entry | undefined,
  reason: ForwardReason,
  flight: Flight | undefined,
): Promise<SourceReply> {
  const fill = context.fills.begin(exchange.key);
  const settled = (stored: StoredReply | undefined): void => flight?.settle(stored);
  const call = forward(context, exchange, entry, flight);
  const requestedAtMs = context.clock();
  context.counts.misses++;
  let reply: SourceReply;
  try {
    reply = await exchange.resolve(call);
  } catch (error) {
    fill.end();
    settled(undefined);
    if (entry === undefined || !mayServeFailing(context, exchange, entry)) throw error;
    return deliverStale(context, entry, { forward: reason });
  } finally {
    call.answered();
  }
  try {
    const times = { requestedAtMs, receivedAtMs: context.clock() };
    if (entry === undefined) return deliverFetched(context, exchange, reply, times, fill, { forward: reason }, settled);
    return receive(context, exchange, entry, reply, times, fill, reason, settled);
  } catch (error) {
    fill.end();
    settled(undefined);
    throw error;
  }
}

/** What comes of the validation of a stored reply. */
function receive(
  context: EngineContext,
  exchange: Exchange,
  entry: Entry,
  reply: SourceReply,
  times: ExchangeTimes,
  fill: Fill,
  reason: ForwardReason,
  settled: (stored: StoredReply | undefined) => void,
): SourceReply {
  const status: CacheStatus = { forward: reason, forwardStatus: reply.status };
  if (reply.status === 304) {
    discard(reply);
    context.counts.revalidations++;
    const { current, stored } = freshen(context, exchange, entry, reply, times, fill);
    if (stored === undefined && fill.isAllowed(entry.stored.tags)) dropReplaced(context, exchange);
    settled(stored);
    return deliverStored(context, context.entryOf(current), { ...status, stored: stored !== undefined });
  }
  if (isFailure(reply.status) && mayServeFailing(context, exchange, entry)) {
    discard(reply);
    fill.end();
    settled(undefined);
    return deliverStale(context, entry, status);
  }
  return deliverFetched(context, exchange, reply, times, fill, { forward: reason }, (stored) => {
    // What has other content now, or may no longer be stored, must not come back while it may be used stale.
    if (stored === undefined && isAnswer(reply.status)) dropReplaced(context, exchange);
    settled(stored);
  });
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
  return new ForwardedRequest(request, fields, {
    isUnattended,
    unattendedMs,
    isAwaited: () => flight?.isAwaited === true,
  });
}

function discard({ body }: SourceReply): void {
  if (body instanceof Readable) body.on("error", ignore).destroy();
}

function ignore(): void {}
