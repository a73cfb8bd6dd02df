import type { UpstreamSettings } from "../api/settings.ts";

/** Methods that may be sent twice (RFC 9110 section 9.2.2); QUERY is safe by its own definition. */
const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "QUERY"]);

/** Whether sending a request of this method again does no more than sending it once. */
export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method);
}

/** Retries that are still allowed: each request earns a share of one. */
export interface RetryBudget {
  /** A request came in. */
  earn(): void;
  /** Whether one more retry is allowed; it then counts. */
  spend(): boolean;
}

/** A few retries for an idle server, however small the share: it has earned none yet. */
const INITIAL_RETRIES = 10;
/** What can be saved up: an outage after a quiet hour must not be met with an hour's retries. */
const MAX_RETRIES = 100;

/** A token bucket: `percent` of a retry a request. */
export function createRetryBudget(percent: number): RetryBudget {
  let hundredths = percent === 0 ? 0 : INITIAL_RETRIES * 100;
  return {
    earn() {
      hundredths = Math.min(MAX_RETRIES * 100, hundredths + percent);
    },
    spend() {
      if (hundredths < 100) return false;
      hundredths -= 100;
      return true;
    },
  };
}

/** How long to wait before the n-th retry (1 is the first): "full jitter", a random part of a span that doubles. */
export function backoffMs({ backoffMs }: UpstreamSettings["retry"], retry: number, random: () => number): number {
  return Math.round(random() * backoffMs * 2 ** (retry - 1));
}
