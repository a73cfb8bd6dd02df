import type { IncomingHttpHeaders } from "node:http";
import { isSelectedBy } from "../../http/vary-key.ts";
import type { StoredReplies, StoredReply } from "../store.ts";
import type { Entry } from "./entry.ts";

/** What a request selects among the replies of its key. */
export interface Selected {
  /** A whole reply. */
  readonly whole: Entry | undefined;
  /** Parts (206), the last received first. */
  readonly parts: readonly Entry[];
}

/**
 * The last received whole reply that the request selects (RFC 9111 section 4), or `undefined`.
 *
 * @param isKeyedByIdentity the key tells who asks, so that `Authorization` is of no account.
 */
export function selectWhole(
  replies: StoredReplies,
  headers: Readonly<IncomingHttpHeaders>,
  isKeyedByIdentity: boolean,
  entryOf: (stored: StoredReply) => Entry,
): Entry | undefined {
  for (const stored of replies) {
    if (stored.range !== undefined) continue;
    if (stored.vary.length > 0 && !isSelectedBy(stored.vary, headers, stored.headers["content-language"])) continue;
    const entry = entryOf(stored);
    if (isKeyedByIdentity || headers.authorization === undefined || entry.isForAll) return entry;
  }
  return undefined;
}

/** As `selectWhole`, with the parts. */
export function selectAll(
  replies: StoredReplies,
  headers: Readonly<IncomingHttpHeaders>,
  isKeyedByIdentity: boolean,
  entryOf: (stored: StoredReply) => Entry,
): Selected {
  const parts: Entry[] = [];
  for (const stored of replies) {
    if (stored.range === undefined || !isSelectedBy(stored.vary, headers, stored.headers["content-language"])) continue;
    const entry = entryOf(stored);
    if (isKeyedByIdentity || headers.authorization === undefined || entry.isForAll) parts.push(entry);
  }
  return { whole: selectWhole(replies, headers, isKeyedByIdentity, entryOf), parts };
}
