import { toNetwork } from "../http/address.ts";
import { type Addressed, createClientAddress } from "./client-address.ts";
import { type PolicyState, rateLimitFields, retryAfter } from "./fields.ts";
import type { Counter, Decision, LimitedRequest, LimitPolicy } from "./policy.ts";
import { createRouteTest } from "./routes.ts";
import { createSubject, quotaOf, type SubjectOf } from "./subject.ts";

/** All policies of a server. */
export interface Limits {
  /** Every count is made in this process, so that `admit` never answers with a promise. */
  readonly isLocal: boolean;
  /** The client's address, as far as the proxies before us are trusted. */
  addressOf(request: Addressed): string;
  /** Counts a request under every policy that concerns it. A promise only where Redis has to be asked. */
  admit(request: LimitedRequest): Admission | Promise<Admission>;
}

/** What the policies say to one request. */
export interface Admission {
  /** Policies that refuse it. Empty: it may go on. */
  readonly refused: readonly PolicyState[];
  /** Fields of the reply, whether it is refused or not. */
  readonly fields: Readonly<Record<string, string>>;
  /** Seconds, for a refusal's `Retry-After`. */
  readonly retryAfter: string;
  /** Says that the request is over and what its reply came to: gives back what was under way, charges what could not be known before. */
  settle(usage: Usage): void;
}

/** What a reply came to. */
export interface Usage {
  readonly rows: number;
  readonly bytes: number;
}

export interface LimitsOptions {
  readonly policies: readonly LimitPolicy[];
  /** Makes the counter of a policy. */
  readonly counterOf: (policy: LimitPolicy) => Counter;
  /** Whether those count in this process alone. */
  readonly isLocal: boolean;
  /** Addresses and networks whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  /** Bits of an IPv6 address that name its owner. */
  readonly ipv6Prefix: number;
  /** Whether replies carry `RateLimit-Policy` and `RateLimit`. */
  readonly sendsFields: boolean;
}

/** A policy, ready to be asked. */
interface Ready {
  readonly policy: LimitPolicy;
  readonly counter: Counter;
  readonly concerns: (method: string, path: string) => boolean;
  readonly subjectOf: SubjectOf;
}

/** One policy's answer to one request. */
interface Taken {
  readonly ready: Ready;
  readonly key: string;
  readonly quota: number;
  readonly cost: number;
}

export function createLimits(options: LimitsOptions): Limits {
  const { ipv6Prefix, sendsFields } = options;
  const network = (address: string): string => toNetwork(address, ipv6Prefix);
  const all = options.policies.map((policy): Ready => ({
    policy,
    counter: options.counterOf(policy),
    concerns: createRouteTest(policy.routes),
    subjectOf: createSubject(policy.by, network),
  }));
  const clientAddress = createClientAddress(options.trustedProxies);

  function conclude(taken: readonly Taken[], decisions: readonly Decision[]): Admission {
    const states = taken.map(({ ready, quota }, at): PolicyState => {
      return { policy: ready.policy, quota, decision: decisions[at]! };
    });
    const refused = states.filter(({ decision }) => !decision.isAllowed);
    const fields = sendsFields ? rateLimitFields(states) : NO_FIELDS;
    if (refused.length === 0) {
      return { refused, fields, retryAfter: "0", settle: (usage) => settle(taken, usage) };
    }
    // What the others granted is not used.
    for (const [at, { ready, key, quota, cost }] of taken.entries()) {
      if (decisions[at]!.isAllowed && cost !== 0) ready.counter.charge(key, -cost, quota);
    }
    return { refused, fields, retryAfter: retryAfter(refused), settle: nothing };
  }

  return {
    isLocal: options.isLocal,
    addressOf: clientAddress,
    admit(request) {
      const taken: Taken[] = [];
      const decisions: (Decision | Promise<Decision>)[] = [];
      let isWaiting = false;
      for (const ready of all) {
        const { policy, counter } = ready;
        if (!ready.concerns(request.method, request.path)) continue;
        const key = ready.subjectOf(request);
        if (key === undefined) continue;
        const quota = quotaOf(policy, request.identity);
        const cost = costBefore(policy, request);
        const decision = counter.take(key, cost, quota);
        taken.push({ ready, key, quota, cost });
        decisions.push(decision);
        if (decision instanceof Promise) isWaiting = true;
        // The first refusal settles it, and spares the counters behind it.
        else if (!decision.isAllowed) break;
      }
      if (taken.length === 0) return UNLIMITED;
      if (isWaiting) return Promise.all(decisions.map(later)).then((made) => conclude(taken, made));
      return conclude(taken, decisions as Decision[]);
    },
  };
}

/** What can be said of the cost before there is a reply: of one by rows or bytes only that it must not be overdrawn already. */
function costBefore({ cost }: LimitPolicy, request: LimitedRequest): number {
  if (typeof cost === "function") return Math.max(0, Math.ceil(cost(request)));
  return cost === "request" ? 1 : 0;
}

function settle(taken: readonly Taken[], { rows, bytes }: Usage): void {
  for (const { ready, key, quota, cost } of taken) {
    const { policy, counter } = ready;
    if (policy.algorithm === "concurrency") counter.charge(key, -cost, quota);
    else if (policy.cost === "rows" && rows > 0) counter.charge(key, rows, quota);
    else if (policy.cost === "bytes" && bytes > 0) counter.charge(key, bytes, quota);
  }
}

async function later(decision: Decision | Promise<Decision>): Promise<Decision> {
  return decision;
}

function nothing(): void {}

/** Those of a request that no policy concerns, or where none are sent. */
export const NO_FIELDS: Readonly<Record<string, string>> = {};
const UNLIMITED: Admission = { refused: [], fields: NO_FIELDS, retryAfter: "0", settle: nothing };
