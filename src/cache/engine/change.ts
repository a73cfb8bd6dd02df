import type { SourceReply } from "../../api/source.ts";
import type { SourceRequest } from "../../api/source-request.ts";
import { NO_DIRECTIVES } from "../../http/cache-control.ts";
import { invalidatedUrls } from "../../http/invalidation.ts";
import type { PurgeSelector } from "../store.ts";
import { isPostForGet } from "./admission.ts";
import type { EngineContext, Exchange, Resolve } from "./context.ts";
import { deliverFetched } from "./deliver.ts";
import { keyOf, keyOfUrl, urlTag } from "./key.ts";
import { groupTags } from "./tags.ts";

/**
 * Passes on a request that may change something, and makes invalid what it may have changed before its client can see that it has: the
 * URL itself, those that the reply names (RFC 9111 section 4.4), and its cache groups (RFC 9875 section 3).
 */
export async function changeResource(
  context: EngineContext,
  purge: (selector: PurgeSelector) => Promise<number>,
  request: SourceRequest,
  resolve: Resolve,
  identity: string,
): Promise<SourceReply> {
  const requestedAtMs = context.clock();
  const reply = await resolve(request);
  const url = `${request.scheme}://${request.authority}${request.target}`;
  const keys = new Set<string>();
  for (const each of invalidatedUrls(request.method, url, reply.status, reply.headers)) {
    const key = each === url ? keyOf(request, "") : keyOfUrl(each);
    if (key !== undefined) keys.add(key);
  }
  // A gateway's failure leaves open whether the change was made.
  if (reply.status === 502 || reply.status === 504) keys.add(keyOf(request, ""));
  if (keys.size === 0) return reply;
  const tags = [...keys].map(urlTag);
  tags.push(...groupTags(request, reply.headers["cache-group-invalidation"]));
  await Promise.all([...[...keys].map((key) => purge({ kind: "key", key })), purge({ kind: "tags", tags })]);
  if (request.method !== "POST" || !isPostForGet(context, reply, url)) return reply;
  const key = keyOf(request, identity);
  const exchange: Exchange = {
    request,
    resolve,
    key,
    identity,
    directives: NO_DIRECTIVES,
    isUnattended: false,
    parts: [],
  };
  const times = { requestedAtMs: Math.max(requestedAtMs, context.clock()), receivedAtMs: context.clock() };
  return deliverFetched(context, exchange, reply, times, context.fills.begin(key), { forward: "method" }, () => {});
}
