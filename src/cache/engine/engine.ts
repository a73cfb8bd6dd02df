import type { SourceReply } from "../../api/source.ts";
import type { SourceRequest } from "../../api/source-request.ts";
import { HotpathError } from "../../errors.ts";
import { type CacheControl, NO_DIRECTIVES, parseCacheControl } from "../../http/cache-control.ts";
import type { ForwardReason } from "../../http/cache-status.ts";
import { hasContent } from "../../http/content.ts";
import { judgeUse } from "../../http/freshness.ts";
import { isSafeMethod } from "../../http/invalidation.ts";
import { toProblemReply } from "../../http/problem.ts";
import type { FlightLock } from "../flight-lock.ts";
import type { CacheStore, PurgeSelector, StoredReplies, StoreStats } from "../store.ts";
import { recallRange } from "./ask-range.ts";
import { changeResource } from "./change.ts";
import type { EngineContext, EngineCounts, Exchange, Resolve } from "./context.ts";
import { deliverHit, tellStatus } from "./deliver.ts";
import { isDueEarly } from "./early-refresh.ts";
import { createEntries, type Entry } from "./entry.ts";
import { fetchTogether } from "./fetch.ts";
import { Fills } from "./fills.ts";
import { Flights } from "./flights.ts";
import { GatheringRoom } from "./gather.ts";
import { fetchHead } from "./head.ts";
import { keyOf, keyOfUrl, urlOf, urlTag } from "./key.ts";
import { OWN_CACHE_CONTROL } from "./own-fields.ts";
import { Passes } from "./passes.ts";
import { Refreshes } from "./refreshes.ts";
import { selectWhole } from "./select.ts";
import { CACHE_ENGINE_DEFAULTS, type CacheEngineSettings } from "./settings.ts";
import { Variants } from "./variants.ts";

/** A store, with what nodes that share it bring. */
export interface SharedStore extends CacheStore {
  /** One fetch for all nodes. */
  readonly flightLock?: FlightLock;
  /** Tells of what other nodes removed. */
  listen?(listener: (removed: PurgeSelector) => void): void;
}

/** What an engine is made of. */
export interface CacheEngineOptions {
  readonly store: SharedStore;
  readonly settings?: Partial<CacheEngineSettings>;
  /** Milliseconds since the epoch; `Date.now` unless a test has another. */
  readonly clock?: () => number;
  /** Between 0 and 1; `Math.random` unless a test has another. */
  readonly random?: () => number;
}

/** A shared HTTP cache (RFC 9111) in front of a source. */
export interface CacheEngine {
  /**
   * Answers from the store, or asks the source and stores the reply. At once where the store answers at once with a reply that is fresh.
   *
   * @param identity who asks, where the source's replies depend on it: no identity gets another's. Empty: replies are for everyone, but
   *   for what `Authorization`, `Vary` and `Cache-Control` say.
   */
  recall(request: SourceRequest, resolve: Resolve, identity?: string): SourceReply | Promise<SourceReply>;
  /** Removes replies, also those being fetched at this moment; resolves with how many keys went, where the store can tell. */
  purge(selector: PurgeSelector): Promise<number>;
  /** Removes the replies of an absolute URL, whoever they are for. */
  purgeUrl(url: string): Promise<number>;
  stats(): CacheEngineStats;
  /** Some of what is stored in this process whose URL or tag contains a text, those that came last first. */
  browse(text: string, most: number): readonly BrowsedReply[];
  /** Waits for refreshes under way; the store is its maker's to close. */
  close(): Promise<void>;
}

/** A stored reply, for those who operate the cache. Whom it is for is not told. */
export interface BrowsedReply {
  readonly url: string;
  /** It is for one identity. */
  readonly isPrivate: boolean;
  readonly status: number;
  readonly bytes: number;
  readonly ageSeconds: number;
  /** Until it is forgotten. */
  readonly leftSeconds: number;
  readonly tags: readonly string[];
}

export interface CacheEngineStats extends Readonly<EngineCounts> {
  readonly store: StoreStats;
}

/** Makes the cache. */
export function createCacheEngine(options: CacheEngineOptions): CacheEngine {
  const context = createContext(options);
  const { store, settings, clock, random, counts } = context;
  const refreshes = new Refreshes(context);
  // What another node removed must not come back with a fetch that was under way here.
  options.store.listen?.((removed) => context.fills.purged(removed));

  function decide(
    request: SourceRequest,
    resolve: Resolve,
    key: string,
    identity: string,
    replies: StoredReplies | undefined,
  ): SourceReply | Promise<SourceReply> {
    const { headers } = request;
    const directives = directivesOf(request, settings.heedsRequests);
    if (headers.range !== undefined && request.method === "GET") {
      const exchange: Exchange = { request, resolve, key, identity, directives, isUnattended: false, parts: NO_PARTS };
      return recallRange(context, exchange, replies);
    }
    const nowMs = clock();
    const entry = replies === undefined ? undefined : selectWhole(replies, headers, identity !== "", context.entryOf);
    const use = entry === undefined ? "validate" : judgeUse(entry.freshness, directives, nowMs);
    if (entry !== undefined && use !== "validate") {
      counts.hits++;
      if (use === "refresh-behind") {
        counts.staleHits++;
        refreshes.begin({ request, resolve, key, identity, directives, isUnattended: true, parts: NO_PARTS }, entry);
      } else if (isDueEarly(entry.freshness, entry.stored, nowMs, settings.earlyRefresh, random)) {
        refreshes.begin({ request, resolve, key, identity, directives, isUnattended: true, parts: NO_PARTS }, entry);
      }
      return deliverHit(context, entry, key, nowMs);
    }
    if (directives.onlyIfCached) return notCached(context);
    const exchange: Exchange = { request, resolve, key, identity, directives, isUnattended: false, parts: NO_PARTS };
    const reason = reasonFor(replies, entry, nowMs);
    if (request.method === "HEAD") return fetchHead(context, exchange, entry, reason);
    return fetchTogether(context, exchange, entry, reason);
  }

  const purge = async (selector: PurgeSelector): Promise<number> => {
    context.fills.purged(selector);
    return store.purge(selector);
  };

  return {
    recall(request, resolve, identity = "") {
      const { method } = request;
      if (method !== "GET" && method !== "HEAD") {
        return isSafeMethod(method) ? resolve(request) : changeResource(context, purge, request, resolve, identity);
      }
      if (isMoreThanItsUrl(request)) return resolve(request);
      const key = keyOf(request, identity);
      const found = store.get(key);
      if (found instanceof Promise) {
        return found.then((replies) => decide(request, resolve, key, identity, replies));
      }
      return decide(request, resolve, key, identity, found);
    },
    purge,
    async purgeUrl(url) {
      const key = keyOfUrl(url);
      if (key === undefined) return 0;
      const counted = await Promise.all([purge({ kind: "key", key }), purge({ kind: "tags", tags: [urlTag(key)] })]);
      return counted[0] + counted[1];
    },
    stats: () => ({ ...counts, store: store.stats() }),
    browse(text, most) {
      const isWanted = (key: string, replies: StoredReplies): boolean =>
        urlOf(key).includes(text) || replies.some(({ tags }) => tags.some((tag) => tag.includes(text)));
      const nowMs = clock();
      return (store.list?.(most, isWanted) ?? []).flatMap(({ key, replies }) =>
        replies.map((reply): BrowsedReply => ({
          url: urlOf(key),
          isPrivate: key.includes(" "),
          status: reply.status,
          bytes: reply.body.byteLength,
          ageSeconds: Math.max(0, Math.round((nowMs - reply.receivedAtMs) / 1000)),
          leftSeconds: Math.max(0, Math.round((reply.keepUntilMs - nowMs) / 1000)),
          tags: reply.tags.filter((tag) => !tag.startsWith("url:")),
        })),
      );
    },
    close: () => refreshes.close(),
  };
}

/**
 * Whether a GET asks for something that its URL and `Vary` would not tell: it brings content, or names another method. Whoever could have
 * the reply to such a request stored would choose what others get.
 */
function isMoreThanItsUrl(request: SourceRequest): boolean {
  const { headers } = request;
  return (
    hasContent(request) ||
    headers["x-http-method-override"] !== undefined ||
    headers["x-method-override"] !== undefined ||
    headers["x-http-method"] !== undefined ||
    headers["x-original-url"] !== undefined ||
    headers["x-rewrite-url"] !== undefined ||
    headers["x-original-host"] !== undefined ||
    headers["x-host"] !== undefined
  );
}

const NO_PARTS: readonly Entry[] = [];

function createContext({
  store,
  settings: given,
  clock = Date.now,
  random = Math.random,
}: CacheEngineOptions): EngineContext {
  const settings: CacheEngineSettings = { ...CACHE_ENGINE_DEFAULTS, ...given };
  const rules = {
    isShared: true,
    targets: [OWN_CACHE_CONTROL, ...settings.targets],
    heuristicFraction: settings.heuristicFraction,
    heuristicMaxMs: settings.heuristicMaxMs,
  };
  const entryRules = { freshness: rules, tellsStatus: settings.tellsStatus };
  return {
    store,
    settings,
    clock,
    random,
    rules,
    entryOf: createEntries(entryRules, new Variants(settings.maxVariantBytes)),
    flights: new Flights(),
    lock: store.flightLock,
    fills: new Fills(),
    passes: new Passes(),
    room: new GatheringRoom(settings.maxGatheringBytes),
    counts: {
      hits: 0,
      staleHits: 0,
      misses: 0,
      revalidations: 0,
      collapsed: 0,
      refreshes: 0,
      failedRefreshes: 0,
      stored: 0,
      outrun: 0,
    },
  };
}

function directivesOf({ headers }: SourceRequest, heedsRequests: boolean): CacheControl {
  const field = headers["cache-control"];
  if (field !== undefined) return heedsRequests ? parseCacheControl(field) : NO_DIRECTIVES;
  // RFC 9111 section 5.4: for clients that know no Cache-Control.
  const { pragma } = headers;
  return pragma !== undefined && heedsRequests && /\bno-cache\b/i.test(pragma) ? NO_CACHE : NO_DIRECTIVES;
}

const NO_CACHE: CacheControl = { ...NO_DIRECTIVES, noCache: true };

function reasonFor(replies: StoredReplies | undefined, entry: Entry | undefined, nowMs: number): ForwardReason {
  if (replies === undefined) return "uri-miss";
  if (entry === undefined) return "vary-miss";
  return judgeUse(entry.freshness, NO_DIRECTIVES, nowMs) === "fresh" ? "request" : "stale";
}

/** RFC 9111 section 5.2.1.7. */
function notCached(context: EngineContext): SourceReply {
  const error = new HotpathError(
    "HP_NOT_CACHED",
    "The request asks for a stored reply only, and there is none to use.",
  );
  return tellStatus(context, toProblemReply(error), { detail: "only-if-cached" });
}
