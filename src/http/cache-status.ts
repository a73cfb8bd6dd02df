/** Why a cache asked further (RFC 9211 section 2.2). */
export type ForwardReason = "bypass" | "method" | "uri-miss" | "vary-miss" | "miss" | "request" | "stale" | "partial";

/** What a cache did with a request, as `Cache-Status` (RFC 9211) tells it. */
export interface CacheStatus {
  /** Answered without asking further. */
  readonly hit?: boolean;
  readonly forward?: ForwardReason;
  /** Status of the answer from further on, where it is not that of the reply. */
  readonly forwardStatus?: number;
  /** The answer is being stored. */
  readonly stored?: boolean;
  /** Shared the answer to another's request. */
  readonly collapsed?: boolean;
  /** Seconds for which the reply stays fresh; negative: how long it has been stale. */
  readonly ttl?: number;
  /** A token with more. */
  readonly detail?: string;
}

/** Writes one member of `Cache-Status`. `cache` and `detail` are tokens. */
export function formatCacheStatus(cache: string, status: CacheStatus): string {
  let text = cache;
  if (status.hit === true) text += "; hit";
  if (status.forward !== undefined) text += `; fwd=${status.forward}`;
  if (status.forwardStatus !== undefined) text += `; fwd-status=${status.forwardStatus}`;
  if (status.ttl !== undefined) text += `; ttl=${Math.trunc(status.ttl)}`;
  if (status.stored === true) text += "; stored";
  if (status.collapsed === true) text += "; collapsed";
  if (status.detail !== undefined) text += `; detail=${status.detail}`;
  return text;
}

/** Adds a member behind those of the caches nearer to the origin. */
export function addCacheStatus(current: string | readonly string[] | undefined, member: string): string {
  if (current === undefined || current.length === 0) return member;
  return `${typeof current === "string" ? current : current.join(", ")}, ${member}`;
}
