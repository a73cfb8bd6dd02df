import { withoutHopByHop } from "./hop-by-hop.ts";
import type { ReplyHeaders } from "./message.ts";

/** What describes the stored bytes stays as it was with them (RFC 9111 section 3.2). */
const BOUND_TO_CONTENT = new Set(["content-encoding", "content-length", "content-range"]);

/**
 * The fields of a stored reply after a 304, or a 200 to HEAD, has confirmed its content (RFC 9111 sections 3.2, 4.3.4 and 4.3.5):
 * each field received takes the place of the stored one.
 */
export function freshenHeaders(stored: Readonly<ReplyHeaders>, received: Readonly<ReplyHeaders>): ReplyHeaders {
  const updated: ReplyHeaders = { ...stored };
  // An age stored belongs to the old exchange.
  delete updated["age"];
  const news = withoutHopByHop(received);
  for (const name in news) {
    const value = news[name];
    if (value !== undefined && !BOUND_TO_CONTENT.has(name)) updated[name] = value;
  }
  return updated;
}

/**
 * Whether a 200 to HEAD is of the content that is stored (RFC 9111 section 4.3.5): where both have an entity tag, a time of
 * modification or a length, they agree.
 */
export function isSameContent(stored: Readonly<ReplyHeaders>, received: Readonly<ReplyHeaders>): boolean {
  return COMPARED.every((name) => {
    const one = stored[name];
    const other = received[name];
    return one === undefined || other === undefined || String(one) === String(other);
  });
}

const COMPARED = ["etag", "last-modified", "content-length"] as const;
