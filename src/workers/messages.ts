import type { PurgeSelector } from "../cache/store.ts";
import type { AskedStatement } from "../api/source.ts";
import type { Decision, LimitPolicy } from "../limit/policy.ts";
import type { ToldFamily } from "./told-metrics.ts";

// What the supervisor and its workers tell each other, over the channel that Node gives a forked process. Messages of one sender arrive
// in the order in which they were sent; both sides are of one version, so nothing is checked twice.

/** What a worker says. */
export type FromWorker =
  /** It listens to messages; nothing is opened yet. */
  | { readonly kind: "hello" }
  /** It answers requests from now on. */
  | { readonly kind: "ready"; readonly announcement: string }
  /** Somebody else than the supervisor has told it to close: it waits for the supervisor to agree. */
  | { readonly kind: "leaving" }
  /** It has closed. What it has counted is not to be lost. */
  | { readonly kind: "farewell"; readonly metrics: readonly ToldFamily[] }
  /** A connection is its own now: the supervisor lets go of it. */
  | { readonly kind: "took"; readonly connection: number }
  /** Connections that are over. */
  | { readonly kind: "ended"; readonly connections: readonly number[] }
  /** It lives; the share of time its event loop was busy since the last beat. */
  | { readonly kind: "beat"; readonly utilization: number }
  /** Removed from its cache, to be removed from the others'. */
  | { readonly kind: "purge"; readonly number: number; readonly selectors: readonly PurgeSelector[] }
  /** A purge of another worker is in force here. */
  | { readonly kind: "purged"; readonly number: number }
  | { readonly kind: "tell"; readonly topic: string; readonly words: readonly string[] }
  | { readonly kind: "hold"; readonly number: number; readonly name: string; readonly ttlMs: number }
  | { readonly kind: "yield"; readonly name: string }
  /** Units of rate limits. */
  | { readonly kind: "count"; readonly asks: readonly CountAsk[] }
  /** To a question of the supervisor. */
  | { readonly kind: "answer"; readonly number: number; readonly value?: unknown; readonly error?: string };

/** What the supervisor says. */
export type ToWorker =
  | { readonly kind: "welcome"; readonly slot: number; readonly url: string; readonly adminUrl: string | undefined }
  /** With the connection itself. */
  | { readonly kind: "connection"; readonly connection: number }
  | { readonly kind: "purge"; readonly number: number; readonly selectors: readonly PurgeSelector[] }
  /** No worker has any more what was to be purged. */
  | { readonly kind: "purged"; readonly number: number }
  | { readonly kind: "told"; readonly topic: string; readonly words: readonly string[] }
  /** A worker that had something to say is gone. */
  | { readonly kind: "lost" }
  | { readonly kind: "held"; readonly number: number; readonly isHeld: boolean }
  | { readonly kind: "counted"; readonly answers: readonly CountAnswer[] }
  | { readonly kind: "ask"; readonly number: number; readonly question: Question }
  /** Read again what may have changed. */
  | { readonly kind: "reload" }
  /** So many of its connections are to go, as soon as they have their reply: another worker has room. */
  | { readonly kind: "shed"; readonly connections: number }
  /** Close; requests under way may finish. */
  | { readonly kind: "leave" };

/** What the supervisor asks a worker. */
export type Question =
  | { readonly what: "metrics" }
  | { readonly what: "readiness" }
  | { readonly what: "dashboard" }
  | { readonly what: "plan"; readonly id: string }
  | { readonly what: "asked" }
  | { readonly what: "advises" }
  | { readonly what: "advise"; readonly alsoAsked: readonly AskedStatement[] }
  | { readonly what: "reference" }
  | { readonly what: "browse"; readonly text: string; readonly most: number }
  | { readonly what: "purge"; readonly selector: PurgeSelector }
  | { readonly what: "purge-url"; readonly url: string };

/** One question of a rate limit. */
export interface CountAsk {
  /** Absent: no answer is wanted. */
  readonly number?: number;
  readonly policy: CountedPolicy;
  readonly key: string;
  /** Negative: is given back. */
  readonly cost: number;
  readonly quota: number;
  /** `take`: if it is there; `charge`: whether or not; `lease`: as much of it as is there. */
  readonly how: "take" | "charge" | "lease";
}

/** What of a policy decides how it is counted. */
export type CountedPolicy = Pick<LimitPolicy, "name" | "algorithm" | "windowMs" | "quota" | "burst">;

export interface CountAnswer {
  readonly number: number;
  readonly decision: Decision;
  /** Of a lease. */
  readonly granted: number;
}
