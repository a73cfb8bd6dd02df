import { ownBytes } from "../../http/own-bytes.ts";
import { readReplyDirectives } from "../../http/targeted.ts";
import type { SourceReply } from "../../api/source.ts";
import { currentHttpDate } from "../../http/date.ts";
import { type ExchangeTimes, measureFreshness } from "../../http/freshness.ts";
import type { ReplyHeaders } from "../../http/message.ts";
import { isStorable, toStoredHeaders } from "../../http/storable.ts";
import { toSelection } from "../../http/vary-key.ts";
import type { StoredReply } from "../store.ts";
import type { EngineContext, Exchange } from "./context.ts";
import type { Fill } from "./fills.ts";
import { urlTag } from "./key.ts";
import { withHints } from "./own-fields.ts";
import { joinParts, partOf } from "./parts.ts";
import { tagsOf } from "./tags.ts";

/** A stored reply but for its content. */
export type Draft = Omit<StoredReply, "body">;

/** Decides whether a reply is stored, and how; `undefined` when it is not. Its content may still be on the way. */
export function draftReply(
  context: EngineContext,
  exchange: Exchange,
  reply: SourceReply,
  times: ExchangeTimes,
): Draft | undefined {
  const hints = reply.cache;
  if (hints === undefined && saysNothing(context, reply.headers)) return undefined;
  if (hints?.identity !== undefined && hints.identity !== exchange.identity) return undefined;
  const range = reply.status === 206 ? partOf(reply.headers) : undefined;
  if (!isWholeAnswer(exchange, reply.status, range !== undefined)) return undefined;
  const draft = draftFields(
    context,
    exchange,
    reply.status,
    withHints(reply.headers, hints, reply.route),
    times,
    hints?.tags,
  );
  if (draft === undefined) return undefined;
  const { statusText } = reply;
  if (statusText === undefined && range === undefined) return draft;
  return { ...draft, ...(statusText !== undefined && { statusText }), ...(range !== undefined && { range }) };
}

/** As `draftReply`, for fields that have been put together already. */
export function draftFields(
  context: EngineContext,
  { request, identity, key }: Exchange,
  status: number,
  headers: Readonly<ReplyHeaders>,
  times: ExchangeTimes,
  ownTags: readonly string[] | undefined,
): Draft | undefined {
  const rules = { isShared: true, targets: context.rules.targets, isKeyedByIdentity: identity !== "" };
  if (!isStorable(request, status, headers, rules)) return undefined;
  // Who knows a client by its cookie and says nothing of caching forgot to say that the reply is for this client.
  if (request.headers.cookie !== undefined && !isSaid(context, headers)) return undefined;
  const vary = toSelection(headers["vary"], request.headers);
  if (vary === "*") return undefined;
  const stored = toStoredHeaders(headers, rules);
  // Whoever keeps a reply without a date must note when it came (RFC 9110 section 6.6.1).
  stored["date"] ??= currentHttpDate(times.receivedAtMs);
  delete stored["content-length"];
  const keepUntilMs = keepUntil(context, status, stored, times);
  if (keepUntilMs <= times.receivedAtMs) return undefined;
  const tags = tagsOf(request, headers, ownTags);
  return {
    status,
    headers: stored,
    requestedAtMs: times.requestedAtMs,
    receivedAtMs: times.receivedAtMs,
    vary,
    tags: identity === "" ? tags : [urlTag(key), ...tags.slice(0, 127)],
    keepUntilMs,
  };
}

/** Stores a reply that has come in whole. */
export function admit(
  context: EngineContext,
  exchange: Exchange,
  draft: Draft,
  content: Uint8Array,
  fill: Fill,
): StoredReply | undefined {
  const { range } = draft;
  if (range !== undefined && content.byteLength !== range.last - range.first + 1) return undefined;
  if (!fill.isAllowed(draft.tags)) {
    context.counts.outrun++;
    return undefined;
  }
  let stored: StoredReply = { ...draft, body: ownBytes(content) };
  for (const part of exchange.parts) {
    const joined = stored.range === undefined ? undefined : joinParts(stored, part.stored);
    if (joined !== undefined && joined.body.byteLength <= context.settings.maxEntryBytes) stored = joined;
  }
  context.counts.stored++;
  context.passes.delete(exchange.key);
  // A store never rejects, and a client need not wait for it.
  void context.store.put(exchange.key, stored);
  return stored;
}

/** Whether the reply is what a plain GET for the URL would be answered, or a part of it. */
function isWholeAnswer({ request }: Exchange, status: number, isPart: boolean): boolean {
  const { headers } = request;
  if (headers.range !== undefined) return status === 200 || isPart;
  if (isPart || status === 412) return false;
  return true;
}

function keepUntil(
  { rules, settings }: EngineContext,
  status: number,
  headers: Readonly<ReplyHeaders>,
  times: ExchangeTimes,
): number {
  const freshness = measureFreshness(status, headers, times, rules);
  const { lifetimeMs, staleIfErrorMs, staleWhileRevalidateMs } = freshness;
  const freshMs = freshness.isNoCache ? 0 : Math.max(0, lifetimeMs - freshness.initialAgeMs);
  const onErrorMs = staleIfErrorMs ?? (lifetimeMs === 0 ? 0 : settings.staleIfErrorMs);
  const staleMs = freshness.staleUse === "never" ? 0 : Math.max(staleWhileRevalidateMs, onErrorMs);
  const hasValidator = typeof headers["etag"] === "string" || typeof headers["last-modified"] === "string";
  return times.receivedAtMs + freshMs + staleMs + (hasValidator ? settings.keepForValidationMs : 0);
}

/** Whether nothing in a reply could make it worth storing. Most replies of an API that does not think of caches are so. */
function saysNothing({ rules }: EngineContext, headers: Readonly<ReplyHeaders>): boolean {
  if (headers["cache-control"] !== undefined || headers["expires"] !== undefined) return false;
  if (headers["etag"] !== undefined || headers["last-modified"] !== undefined) return false;
  return rules.targets.every((target) => headers[target] === undefined);
}

/** Whether a reply says for how long it may be used, or that it is for all. */
function isSaid(context: EngineContext, headers: Readonly<ReplyHeaders>): boolean {
  const { control, isTargeted } = readReplyDirectives(headers, context.rules.targets);
  return (
    control.maxAge !== undefined ||
    control.sMaxage !== undefined ||
    control.public ||
    (!isTargeted && headers["expires"] !== undefined)
  );
}

/** Whether a POST's reply may be stored as what a GET would be answered (RFC 9110 section 9.3.3). */
export function isPostForGet(context: EngineContext, { status, headers }: SourceReply, url: string): boolean {
  const location = headers["content-location"];
  if (status !== 200 || typeof location !== "string" || URL.parse(location, url)?.href !== URL.parse(url)?.href)
    return false;
  return isSaid(context, headers);
}
