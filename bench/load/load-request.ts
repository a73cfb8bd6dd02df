/** One stretch of load on one server: keep-alive connections that each send a request as soon as they have a reply. */
export interface LoadRequest {
  readonly port: number;
  /** Cycled through in this order; the same for every contestant. */
  readonly paths: readonly string[];
  /** Header fields of each, in the same order. Absent: none. */
  readonly headers?: readonly Readonly<Record<string, string>>[] | undefined;
  /** The method of all that write, and the content of each, in the same order; a line each. What has none reads. */
  readonly write?: { readonly method: string; readonly contents: readonly string[] } | undefined;
  readonly connections: number;
  /** Each request has a field of its own. */
  readonly isDistinct: boolean;
  readonly seconds: number;
  /** The core it runs on. Absent: as the whole run. */
  readonly core?: number | undefined;
  /** For files the load generator reads. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  /** Replies of status 400 and above, broken connections and timeouts. */
  readonly failures: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly bytes: number;
}
