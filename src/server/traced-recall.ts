import type { SourceReply } from "../api/source.ts";
import type { SourceRequest } from "../api/source-request.ts";
import type { CacheEngine } from "../cache/engine/index.ts";
import type { Span, Trace } from "../observe/trace/span.ts";
import type { MountedRequest } from "./mounts.ts";

/**
 * Asks the cache as a span of its own, below which the source's are. A hit in memory is none: there is nothing between it and its request,
 * which says so itself, and a span that is sent somewhere costs more than the hit. Nor is what nobody is likely to look at, unless the source
 * is asked.
 */
export function recallTraced(
  cache: CacheEngine,
  request: MountedRequest,
  trace: Trace,
  ask: (asked: SourceRequest) => SourceReply | Promise<SourceReply>,
  identity: string | undefined,
): SourceReply | Promise<SourceReply> {
  const { root } = trace;
  let span: Span | undefined;
  let wasAsked = false;
  request.span = root;
  const reply = cache.recall(
    request,
    (asked) => {
      // A refresh behind the client's back is no part of its request.
      if (asked.span !== undefined) {
        wasAsked = true;
        request.span = span ??= root.begin("cache");
      }
      return ask(asked);
    },
    identity,
  );
  const ended = (answered: SourceReply): SourceReply => {
    // Replies from the store may be repeated; the rest waited for what another request had asked for.
    const result = wasAsked ? "miss" : answered.memo !== undefined ? "hit" : "shared";
    (span ?? root).set("hotpath.cache.result", result);
    span?.end();
    return answered;
  };
  if (!(reply instanceof Promise)) return ended(reply);
  if (trace.isLookedAt) span ??= root.begin("cache");
  return reply.then(ended);
}
