import type { SourceReply } from "../../api/source.ts";
import { HotpathError } from "../../errors.ts";
import { judgeUse } from "../../http/freshness.ts";
import { toProblemReply } from "../../http/problem.ts";
import type { StoredReplies } from "../store.ts";
import type { EngineContext, Exchange } from "./context.ts";
import { deliverHit, deliverSlice } from "./deliver.ts";
import { fetchAsAsked, fetchTogether } from "./fetch.ts";
import { sliceFor } from "./parts.ts";
import { selectAll } from "./select.ts";

/** Answers a GET with `Range`: from the whole or a part that is stored, else from the source, whose part is stored in turn. */
export function recallRange(
  context: EngineContext,
  exchange: Exchange,
  replies: StoredReplies | undefined,
): SourceReply | Promise<SourceReply> {
  const { request, directives, key, identity } = exchange;
  // Other units are the source's own business, such as rows.
  if (!/^bytes=/i.test(request.headers.range ?? "")) return exchange.resolve(request);
  const { whole, parts } =
    replies === undefined ? NOTHING : selectAll(replies, request.headers, identity !== "", context.entryOf);
  const nowMs = context.clock();
  for (const entry of whole === undefined ? parts : [whole, ...parts]) {
    if (judgeUse(entry.freshness, directives, nowMs) !== "fresh") continue;
    const slice = sliceFor(request.method, request.headers, entry.stored, nowMs);
    if (slice === undefined) continue;
    context.counts.hits++;
    return slice === "whole" ? deliverHit(context, entry, key, nowMs) : deliverSlice(entry, slice, nowMs);
  }
  if (directives.onlyIfCached) {
    return toProblemReply(new HotpathError("HP_NOT_CACHED", "No stored reply holds the range that was asked for."));
  }
  if (whole !== undefined) return fetchTogether(context, exchange, whole, "stale");
  return fetchAsAsked(context, { ...exchange, parts }, replies === undefined ? "uri-miss" : "partial");
}

const NOTHING = { whole: undefined, parts: [] };
