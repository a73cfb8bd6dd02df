/**
 * What the client did with one request. One call of `fetch` yields one of the first eight, after any number of `retry`.
 *
 * - `hit`: answered from the cache, fresh; `stale`: from the cache although stale, because its headers or the cache mode allow it
 * - `revalidated`: the server said that the stored response is still current
 * - `miss`: fetched; `coalesced`: waited for another caller's equal request
 * - `bypass`: not the cache's business (method, `no-store`, conditions or ranges of the caller's own)
 * - `failed`: no response came, or `only-if-cached` found nothing; `aborted`: the caller gave up
 * - `retry`: an attempt failed and another will follow
 * - `refreshed`: a refresh behind a stale answer has ended
 */
export type ClientEventType =
  | "hit"
  | "stale"
  | "revalidated"
  | "miss"
  | "coalesced"
  | "bypass"
  | "failed"
  | "aborted"
  | "retry"
  | "refreshed";

/** One thing the client did, for metrics and tests. */
export interface ClientEvent {
  readonly type: ClientEventType;
  readonly method: string;
  /** Without fragment. */
  readonly url: string;
  /** Status of the response concerned, when there is one. */
  readonly status?: number;
  /** `retry`: how many attempts have failed so far, and how long until the next. */
  readonly attempt?: number;
  readonly delayMs?: number;
  /** Why an attempt, a refresh or a request failed. */
  readonly error?: unknown;
}
