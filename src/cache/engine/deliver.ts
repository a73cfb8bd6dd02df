import { Readable } from "node:stream";
import type { SourceReply } from "../../api/source.ts";
import { addCacheStatus, type CacheStatus, formatCacheStatus } from "../../http/cache-status.ts";
import { ageMs, type ExchangeTimes } from "../../http/freshness.ts";
import type { ReplyHeaders, ReplyMemo } from "../../http/message.ts";
import { toOwnBytes } from "../../http/own-bytes.ts";
import type { CacheStore, StoredReply } from "../store.ts";
import { admit, draftReply } from "./admission.ts";
import type { EngineContext, Exchange } from "./context.ts";
import { CACHE_NAME, type Entry } from "./entry.ts";
import type { Fill } from "./fills.ts";
import { GatheredBody } from "./gather.ts";
import { OWN_CACHE_CONTROL } from "./own-fields.ts";
import type { Slice } from "./parts.ts";

/** A reply straight from the store. */
export function deliverHit(context: EngineContext, entry: Entry, key: string, nowMs: number): SourceReply {
  const reply = toReply(entry);
  reply.headers = entry.headersAt(nowMs);
  reply.isShared = true;
  // Of what is asked for once a second whatever is kept would be thrown away unused, and none of it young.
  if (entry.isRecurring) {
    reply.isRecurring = true;
    reply.memo = new HitMemo(context.store, key, entry, nowMs);
  }
  return reply;
}

/** A stored reply with more to say than that it is a hit. */
export function deliverStored(context: EngineContext, entry: Entry, status: CacheStatus): SourceReply {
  const reply = toReply(entry);
  const ageSeconds = Math.floor(ageMs(entry.freshness, context.clock()) / 1000);
  reply.headers = entry.headersWith(ageSeconds, context.settings.tellsStatus ? describe(status) : undefined);
  return reply;
}

/** A part of a stored reply. */
export function deliverSlice(entry: Entry, slice: Slice, nowMs: number): SourceReply {
  const headers: ReplyHeaders = { ...entry.headersAt(nowMs), "content-range": slice.contentRange };
  delete headers["content-length"];
  if (slice.status === 416) delete headers["content-type"];
  return { status: slice.status, headers, body: slice.body };
}

/** Says in a reply what the cache did. The reply given in may be one that its source gives to everybody: it is not changed. */
export function tellStatus(context: EngineContext, reply: SourceReply, status: CacheStatus): SourceReply {
  const { [OWN_CACHE_CONTROL]: _own, ...headers } = reply.headers;
  if (context.settings.tellsStatus) {
    headers["cache-status"] = addCacheStatus(headers["cache-status"], describe(status));
  }
  return { ...reply, headers };
}

/**
 * Passes a source's reply on, and stores it on the way where it may be.
 *
 * @param settled told once when it is known what has been stored.
 */
export function deliverFetched(
  context: EngineContext,
  exchange: Exchange,
  reply: SourceReply,
  times: ExchangeTimes,
  fill: Fill,
  status: CacheStatus,
  settled: (stored: StoredReply | undefined) => void,
): SourceReply {
  const draft = draftReply(context, exchange, reply, times);
  if (draft === undefined) {
    // A failure says nothing of what the resource is like.
    if (isPlain(exchange) && reply.status < 500) context.passes.add(exchange.key, times.receivedAtMs);
    settled(undefined);
    return tellStatus(
      context,
      reply,
      reply.uncachedFor === undefined ? status : { ...status, detail: reply.uncachedFor },
    );
  }
  const { body } = reply;
  const { maxEntryBytes, unattendedMs } = context.settings;
  if (body instanceof Readable) {
    const gathered = new GatheredBody(body, {
      maxBytes: maxEntryBytes,
      room: context.room,
      announcedBytes: announcedBytes(reply),
      unattendedMs,
      gathered(content) {
        settled(content === undefined ? undefined : admit(context, exchange, draft, content, fill));
      },
    });
    return tellStatus(context, { ...reply, body: gathered }, { ...status, stored: true });
  }
  const content = typeof body === "string" ? toOwnBytes(body) : (body ?? new Uint8Array(0));
  const isShort = content.byteLength <= maxEntryBytes;
  settled(isShort ? admit(context, exchange, draft, content, fill) : undefined);
  return tellStatus(context, reply, { ...status, stored: isShort });
}

/** Whether the reply is what everyone would get, so that it tells something of the key. */
function isPlain({ request: { headers } }: Exchange): boolean {
  return headers.authorization === undefined && headers.range === undefined;
}

function describe(status: CacheStatus): string {
  return formatCacheStatus(CACHE_NAME, status);
}

function toReply({ stored, route, kept }: Entry): SourceReply {
  const reply: SourceReply = { status: stored.status, headers: {}, body: stored.body, kept };
  if (stored.statusText !== undefined) reply.statusText = stored.statusText;
  if (route !== undefined) reply.route = route;
  return reply;
}

function announcedBytes({ headers, status }: SourceReply): number | undefined {
  const length = headers["content-length"];
  if (status === 204 || typeof length !== "string" || !/^\d+$/.test(length)) return undefined;
  return Number(length);
}

/** A hit may be given again to the same head until its age reads differently, while the store still holds it. */
class HitMemo implements ReplyMemo {
  readonly untilMs: number;
  readonly #store: CacheStore;
  readonly #key: string;
  readonly #stored: StoredReply;

  constructor(store: CacheStore, key: string, entry: Entry, nowMs: number) {
    const age = ageMs(entry.freshness, nowMs);
    this.untilMs = nowMs + Math.min(1000 - (age % 1000), Math.max(0, entry.freshness.lifetimeMs - age));
    this.#store = store;
    this.#key = key;
    this.#stored = entry.stored;
  }

  isCurrent(): boolean {
    const replies = this.#store.get(this.#key);
    return replies !== undefined && !(replies instanceof Promise) && replies.includes(this.#stored);
  }

  repeat(): boolean {
    return true;
  }
}
