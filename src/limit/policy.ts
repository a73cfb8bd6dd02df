import type { IncomingHttpHeaders } from "node:http";
import type { Identity } from "../auth/identity.ts";

/** What a policy may look at: whatever is known before anyone answers. */
export interface LimitedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<IncomingHttpHeaders>;
  /** Of the client, as far as the proxies before us are trusted. */
  readonly address: string;
  readonly identity: Identity | undefined;
}

/** How requests are counted. */
export type LimitAlgorithm = "gcra" | "sliding-window" | "sliding-log" | "fixed-window" | "concurrency";

/** Whom a policy counts for: an address, an API key, a user, one claim of a token, a route, or everybody together. */
export type LimitSubject = "ip" | "key" | "user" | "route" | "everyone" | `claim:${string}` | LimitFunction;

/** Names the subject that a request counts for; `undefined`: the policy does not concern it. */
export type LimitFunction = (request: LimitedRequest) => string | undefined;

/** What a request costs: one unit, one for each row or byte of the reply, or what a function says. */
export type LimitCost = "request" | "rows" | "bytes" | ((request: LimitedRequest) => number);

/** One policy, resolved. */
export interface LimitPolicy {
  /** Stands in `RateLimit-Policy`, metrics and keys; no other policy has it. */
  readonly name: string;
  readonly algorithm: LimitAlgorithm;
  /** Units a window; for `concurrency`, requests at once. */
  readonly quota: number;
  /** 0 for `concurrency`. */
  readonly windowMs: number;
  /** Units that may come at once (`gcra`); at most the quota. */
  readonly burst: number;
  readonly by: LimitSubject;
  readonly cost: LimitCost;
  /** Quotas by the value of a claim, in place of `quota`. */
  readonly tiers: { readonly claim: string; readonly quotas: ReadonlyMap<string, number> } | null;
  /** Routes it is for: `METHOD /path`, `/path/*`. Empty: all. */
  readonly routes: readonly string[];
  /** Units a node takes from Redis at once; 0: every request asks. */
  readonly lease: number;
}

/** What one policy says to a request. Times from now on. */
export interface Decision {
  readonly isAllowed: boolean;
  /** Units left; negative after a cost that was known too late. */
  readonly remaining: number;
  /** When all units are back. */
  readonly resetMs: number;
  /** When what was asked for will be allowed; 0 when it was. */
  readonly retryAfterMs: number;
}

/** Counts for one policy. */
export interface Counter {
  /** Takes `cost` units of `key` if they are there. A cost of 0 asks whether one is. */
  take(key: string, cost: number, quota: number): Decision | Promise<Decision>;
  /** Takes units that were used already, whether they are there or not; negative ones are given back. */
  charge(key: string, cost: number, quota: number): void;
}

/** What a policy written as a text looks like: `NAME=QUOTA/WINDOW`, then by whom, then the algorithm. */
export const POLICY_TEXT =
  /^[\w-]{1,64}=\d{1,12}\/\d+(?:\.\d+)?(?:ms|s|m|h|d)(?:\/[a-z]+(?::[\w.-]+)?(?:\/[a-z-]+)?)?$/;
