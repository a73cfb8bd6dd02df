import type { SourceReply, SourceRequest, TraceSpan } from "../api/source.ts";
import type { CacheEngine } from "../cache/engine/index.ts";
import { andThen } from "./and-then.ts";
import type { MountedRequest } from "./mounts.ts";

/** Asks the cache as a span of its own, below which the source's are. */
export function recallTraced(
  cache: CacheEngine,
  request: MountedRequest,
  root: TraceSpan,
  ask: (asked: SourceRequest) => SourceReply | Promise<SourceReply>,
  identity: string | undefined,
): SourceReply | Promise<SourceReply> {
  const span = root.begin("cache");
  request.span = span;
  let wasAsked = false;
  const reply = cache.recall(
    request,
    (asked) => {
      // A refresh behind the client's back is no part of its request.
      if (asked.span !== undefined) wasAsked = true;
      return ask(asked);
    },
    identity,
  );
  return andThen(reply, (answered) => {
    // Replies from the store may be repeated; the rest waited for what another request had asked for.
    span.set("hotpath.cache.result", wasAsked ? "miss" : answered.memo !== undefined ? "hit" : "shared");
    span.end();
    return answered;
  });
}
