import type { TraceSpan } from "../../api/source-request.ts";
import { errorType } from "../error-type.ts";
import type { Call } from "../pool/call.ts";
import type { Batch } from "./batch.ts";

/**
 * Says in the callers' traces that they share a statement. The statement itself is a span in the trace of the first that is sampled,
 * linked to the spans of all the others, as those are to it.
 */
export function traceBatch({ calls, distinct }: Batch, shared: Call): TraceSpan | undefined {
  let span: TraceSpan | undefined;
  for (const call of calls) {
    if (call.span === undefined) continue;
    call.span.set("hotpath.batch.calls", calls.length);
    if (!call.span.isSampled) continue;
    if (span === undefined) {
      span = call.span.begin("batch", "client", {
        "db.system.name": "postgresql",
        "db.query.text": shared.commands.at(-1)?.statement.text ?? "",
        "hotpath.batch.calls": calls.length,
        "hotpath.batch.distinct": distinct.length,
      });
    } else {
      span.link(call.span);
      call.span.link(span);
    }
  }
  return span;
}

export function endBatchSpan(span: TraceSpan | undefined, reason: unknown): void {
  span?.end(reason === undefined ? undefined : errorType(reason));
}
