import type { SourceReply, SourceRequest } from "../api/source.ts";
import type { CacheEngine } from "../cache/engine/index.ts";
import type { Trace } from "../observe/trace/span.ts";
import { andThen } from "./and-then.ts";
import type { MountedRequest } from "./mounts.ts";

/**
 * Asks the cache as a span of its own, below which the source's are. Of a request that nobody is likely to look at it is one only
 * once the source is asked: hits are too quick to be weighed down.
 */
export function recallTraced(
  cache: CacheEngine,
  request: MountedRequest,
  trace: Trace,
  ask: (asked: SourceRequest) => SourceReply | Promise<SourceReply>,
  identity: string | undefined,
): SourceReply | Promise<SourceReply> {
  const { root } = trace;
  let span = trace.isLookedAt ? root.begin("cache") : undefined;
  request.span = span ?? root;
  let wasAsked = false;
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
  return andThen(reply, (answered) => {
    // Replies from the store may be repeated; the rest waited for what another request had asked for.
    span?.set("hotpath.cache.result", wasAsked ? "miss" : answered.memo !== undefined ? "hit" : "shared");
    span?.end();
    return answered;
  });
}
