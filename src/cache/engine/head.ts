import type { SourceReply } from "../../api/source.ts";
import type { ForwardReason } from "../../http/cache-status.ts";
import type { EngineContext, Exchange } from "./context.ts";
import { tellStatus } from "./deliver.ts";
import type { Entry } from "./entry.ts";
import { updateFromHead } from "./revalidate.ts";

/**
 * Passes a HEAD on. What it says of the content that is stored for GET is applied to that: the same content is fresh again, other
 * content makes the stored one go (RFC 9111 section 4.3.5).
 */
export async function fetchHead(
  context: EngineContext,
  exchange: Exchange,
  entry: Entry | undefined,
  reason: ForwardReason,
): Promise<SourceReply> {
  context.counts.misses++;
  const fill = context.fills.begin(exchange.key);
  const requestedAtMs = context.clock();
  const reply = await exchange.resolve(exchange.request);
  const times = { requestedAtMs, receivedAtMs: context.clock() };
  if (entry !== undefined && reply.status >= 200 && reply.status < 300) {
    const isUpdated = updateFromHead(context, exchange, entry, reply, times, fill);
    if (!isUpdated) void context.store.purge({ kind: "key", key: exchange.key });
  }
  return tellStatus(context, reply, { forward: reason });
}
