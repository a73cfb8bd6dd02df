import type { PostgresSettings } from "../../api/settings.ts";
import type { CacheHints, SourceReply } from "../../api/source.ts";
import type { SourceRequest } from "../../api/source-request.ts";
import { formatHttpDate } from "../../http/date.ts";
import { addVary } from "../../http/vary.ts";
import type { Routine } from "../catalog/types.ts";
import { READ_VARIES, READ_VARY } from "../media.ts";
import type { ReadOrigin } from "../replicas/index.ts";
import type { ReadNode } from "../query/plan.ts";
import type { Bindings } from "../query/statement.ts";
import { planCallTags, planTags, type ReadTags, type TagSource, type UntaggedReason } from "./read-tags.ts";
import type { Tracker } from "./tracker-types.ts";

/** How the replies to reads of one shape are cached; a token says why they are not. */
export type CachePlan = ReadTags | UncachedReason;

/** Why a reply is not cached; a token of `Cache-Status`. */
export type UncachedReason =
  | UntaggedReason
  | "explain"
  | "estimate"
  | "media"
  | "volatile"
  | "settings"
  | "pre-request"
  | "replica-behind"
  | "unknown";

/** What of a read decides beside its plan. */
export interface ReadTraits {
  readonly isExplained: boolean;
  /** The planner was asked how many rows there are. */
  readonly isEstimated: boolean;
  /** A function of the database made the reply's content. */
  readonly isHandled: boolean;
}

/** Decides which replies of a PostgreSQL source are cached, and under which tags. */
export interface QueryCache {
  /** For all replies to reads of one shape. */
  plan(node: ReadNode, traits: ReadTraits): CachePlan;
  /** For all replies to calls of one shape; `moments` are parameters of the request that may name a moment. */
  planCall(routine: Routine, node: ReadNode, traits: ReadTraits, moments: readonly number[]): CachePlan;
  /** Marks a reply for the cache, and says in `Vary` what it depends on. */
  mark(reply: SourceReply, request: SourceRequest, plan: CachePlan, bindings: Bindings): void;
}

/**
 * @param source what the catalog's replies depend on; a plan of another is not to be marked with this one.
 * @param originOf what the read of a request has seen at least.
 */
export function createQueryCache(
  settings: PostgresSettings,
  source: TagSource,
  tracker: Tracker,
  originOf: (request: SourceRequest) => ReadOrigin,
): QueryCache {
  const { maxAgeMs, ttlMs: fallbackMs } = settings.queryCache;

  function hintsFor(request: SourceRequest, tags: ReadTags, bindings: Bindings): CacheHints | UncachedReason {
    const own = tags.of(bindings);
    if (typeof own === "string") return own;
    if (!tracker.isSeen(own, originOf(request))) return "replica-behind";
    const freshForMs = tags.ttlMs ?? (tracker.isCurrent ? maxAgeMs : fallbackMs);
    const identity = request.identity?.key ?? "";
    return freshForMs === null ? "unknown" : { freshForMs, tags: own, identity };
  }

  function refuse({ isExplained, isEstimated, isHandled }: ReadTraits): UncachedReason | undefined {
    if (settings.preRequest !== null) return "pre-request";
    if (isExplained) return "explain";
    if (isEstimated) return "estimate";
    return isHandled ? "media" : undefined;
  }

  return {
    plan: (node, traits) => refuse(traits) ?? planTags(source, node),
    planCall(routine, node, traits, moments) {
      if (routine.volatility === "volatile") return "volatile";
      return refuse(traits) ?? planCallTags(source, routine, node, moments);
    },
    mark(reply, request, plan, bindings) {
      // Most replies say so already.
      if (reply.headers["vary"] !== READ_VARY) {
        for (const field of READ_VARIES) reply.headers["vary"] = addVary(reply.headers["vary"], field);
      }
      const hints = typeof plan === "string" ? plan : hintsFor(request, plan, bindings);
      if (typeof hints === "string") {
        reply.uncachedFor = hints;
        return;
      }
      reply.cache = hints;
      // Kept with what is stored; the represent stage adds it to replies that are not.
      if (reply.modifiedMs !== undefined && Number.isFinite(reply.modifiedMs)) {
        reply.headers["last-modified"] = formatHttpDate(Math.min(reply.modifiedMs, Date.now()));
      }
    },
  };
}
