import { freshenHeaders, isSameContent } from "../../http/cache-update.ts";
import { formatHttpDate } from "../../http/date.ts";
import type { ExchangeTimes } from "../../http/freshness.ts";
import type { ReplyHeaders } from "../../http/message.ts";
import { toStoredHeaders } from "../../http/storable.ts";
import type { SourceReply } from "../../api/source.ts";
import type { StoredReply } from "../store.ts";
import { admit, draftFields } from "./admission.ts";
import type { EngineContext, Exchange } from "./context.ts";
import type { Entry } from "./entry.ts";
import type { Fill } from "./fills.ts";
import { withHints } from "./own-fields.ts";

/** A stored reply that the source has confirmed. */
export interface Freshened {
  /** What this client gets. */
  readonly current: StoredReply;
  /** What others may get; `undefined` when it may no longer be stored. */
  readonly stored: StoredReply | undefined;
}

/** Applies a 304 to the stored reply it confirms (RFC 9111 section 4.3.4), and stores what comes of it. */
export function freshen(
  context: EngineContext,
  exchange: Exchange,
  entry: Entry,
  reply: SourceReply,
  times: ExchangeTimes,
  fill: Fill,
): Freshened {
  const news = toNews(context, reply, times);
  const headers = freshenHeaders(entry.stored.headers, news);
  const current: StoredReply = { ...entry.stored, ...times, headers };
  const { cookies, ...withoutCookies } = splitCookies(headers, news);
  const draft =
    draftFields(context, exchange, current.status, headers, times, ownTags(entry, reply)) ??
    // A cookie for this client alone does not cost everyone the content.
    (cookies
      ? draftFields(context, exchange, current.status, withoutCookies.headers, times, ownTags(entry, reply))
      : undefined);
  if (draft === undefined) {
    return { current, stored: undefined };
  }
  const { statusText } = entry.stored;
  const full = statusText === undefined ? draft : { ...draft, statusText };
  const stored = admit(context, exchange, full, entry.stored.body, fill);
  return { current, stored };
}

/** Applies a 200 to HEAD to a stored reply (RFC 9111 section 4.3.5). Answers false when it is of other content. */
export function updateFromHead(
  context: EngineContext,
  exchange: Exchange,
  entry: Entry,
  reply: SourceReply,
  times: ExchangeTimes,
  fill: Fill,
): boolean {
  const { stored } = entry;
  const isSame = isSameContent({ ...stored.headers, "content-length": String(stored.body.byteLength) }, reply.headers);
  if (!isSame || reply.status !== stored.status) {
    return false;
  }
  return freshen(context, exchange, entry, reply, times, fill).stored !== undefined;
}

function toNews(context: EngineContext, reply: SourceReply, { receivedAtMs }: ExchangeTimes): ReplyHeaders {
  const headers = withHints(reply.headers, reply.cache, reply.route);
  const news = toStoredHeaders(headers, { isShared: true, targets: context.rules.targets });
  news["date"] ??= formatHttpDate(receivedAtMs);
  return news;
}

function splitCookies(headers: ReplyHeaders, news: ReplyHeaders): { cookies: boolean; headers: ReplyHeaders } {
  const { "set-cookie": _cookie, ...others } = headers;
  return { cookies: news["set-cookie"] !== undefined, headers: others };
}

/** Tags of the source itself are in no field: those of the stored reply stay unless the source says others. */
function ownTags(entry: Entry, reply: SourceReply): readonly string[] {
  return reply.cache?.tags ?? entry.stored.tags;
}
