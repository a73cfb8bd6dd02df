import type { Identity } from "../auth/identity.ts";
import type { LimitedRequest, LimitPolicy, LimitSubject } from "./policy.ts";

/**
 * Names whom a request counts for under one policy; `undefined`: the policy does not concern it. The anonymous, of whom nothing
 * else is known, count by address where a policy is by user, key or claim.
 *
 * @param network names what an address belongs to
 */
export function createSubject(by: LimitSubject, network: (address: string) => string): SubjectOf {
  if (typeof by === "function") return (request) => by(request);
  if (by.startsWith("claim:")) {
    const claim = by.slice("claim:".length);
    return ({ identity, address }) => {
      const value = identity?.claims[claim];
      return isName(value) ? `c${value}` : `a${network(address)}`;
    };
  }
  switch (by) {
    case "ip":
      return ({ address }) => network(address);
    case "everyone":
      return () => "";
    case "route":
      return ({ method, path }) => `${method === "HEAD" ? "GET" : method} ${path}`;
    case "user":
      return ({ identity, address }) => (identity?.subject == null ? `a${network(address)}` : `u${identity.subject}`);
    default:
      return ({ identity, address }) =>
        identity?.kind === "key" && identity.subject !== null ? `k${identity.subject}` : `a${network(address)}`;
  }
}

export type SubjectOf = (request: LimitedRequest) => string | undefined;

/** The quota that holds for a request: its tier's, where the policy has tiers and the token names one. */
export function quotaOf({ quota, tiers }: LimitPolicy, identity: Identity | undefined): number {
  if (tiers === null || identity === undefined) return quota;
  const tier = identity.claims[tiers.claim];
  return (isName(tier) ? tiers.quotas.get(String(tier)) : undefined) ?? quota;
}

function isName(value: unknown): value is string | number {
  return typeof value === "string" || typeof value === "number";
}
