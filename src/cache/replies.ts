import type { StoredReplies, StoredReply } from "./store.ts";

/** How many replies one key may hold; beyond it the oldest go. */
export const MAX_REPLIES_PER_KEY = 32;

/** Whether two replies answer the same requests, so that one takes the other's place. */
export function isSameVariant(left: StoredReply, right: StoredReply): boolean {
  const a = left.range;
  const b = right.range;
  if (a?.first !== b?.first || a?.last !== b?.last || a?.size !== b?.size) return false;
  return (
    left.vary.length === right.vary.length &&
    left.vary.every(([name, value], at) => right.vary[at]?.[0] === name && right.vary[at]?.[1] === value)
  );
}

/** A key's replies with one more: in place of its variant, the one received last first, without expired ones. */
export function addReply(replies: StoredReplies | undefined, reply: StoredReply, nowMs: number): StoredReplies {
  const [only] = replies ?? [];
  // Nearly every key has one variant.
  if (replies === undefined || (replies.length === 1 && isSameVariant(only!, reply))) return [reply];
  const kept = replies.filter((other) => other.keepUntilMs > nowMs && !isSameVariant(other, reply));
  const before = kept.findIndex((other) => other.receivedAtMs <= reply.receivedAtMs);
  kept.splice(before === -1 ? kept.length : before, 0, reply);
  return kept.slice(0, MAX_REPLIES_PER_KEY);
}

/** The replies worth keeping still; `undefined` when there are none. */
export function withoutExpired(replies: StoredReplies, nowMs: number): StoredReplies | undefined {
  if (replies.every((reply) => reply.keepUntilMs > nowMs)) return replies.length === 0 ? undefined : replies;
  const kept = replies.filter((reply) => reply.keepUntilMs > nowMs);
  return kept.length === 0 ? undefined : kept;
}

/** The moment from which `withoutExpired` answers something else. */
export function firstExpiry(replies: StoredReplies): number {
  let first = Number.POSITIVE_INFINITY;
  for (const { keepUntilMs } of replies) first = Math.min(first, keepUntilMs);
  return first;
}

/** The moment until which at least one of the replies is kept. */
export function lastExpiry(replies: StoredReplies): number {
  let last = 0;
  for (const { keepUntilMs } of replies) last = Math.max(last, keepUntilMs);
  return last;
}

/** Every tag that one of the replies carries; of a single one just as it gives them. */
export function tagsOf(replies: StoredReplies): readonly string[] {
  const [only] = replies;
  if (replies.length === 1 && only !== undefined) return only.tags;
  return [...new Set(replies.flatMap((reply) => reply.tags))];
}
