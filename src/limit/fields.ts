import type { Decision, LimitPolicy } from "./policy.ts";

/** What a policy said, for the reply. */
export interface PolicyState {
  readonly policy: LimitPolicy;
  readonly quota: number;
  readonly decision: Decision;
}

/**
 * `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10): `"burst";q=100;w=60` and `"burst";r=50;t=30`, in
 * seconds, the strictest policy last asked not singled out: each is listed.
 */
export function rateLimitFields(states: readonly PolicyState[]): Record<string, string> {
  let policies = "";
  let limits = "";
  for (const { policy, quota, decision } of states) {
    const separator = policies === "" ? "" : ", ";
    const window = policy.windowMs === 0 ? "" : `;w=${Math.max(1, Math.ceil(policy.windowMs / 1000))}`;
    const unit = policy.cost === "bytes" ? ';qu="content-bytes"' : policy.algorithm === "concurrency" ? CONCURRENT : "";
    policies += `${separator}"${policy.name}";q=${quota}${window}${unit}`;
    const reset = policy.windowMs === 0 ? "" : `;t=${Math.ceil(decision.resetMs / 1000)}`;
    limits += `${separator}"${policy.name}";r=${Math.max(0, decision.remaining)}${reset}`;
  }
  return policies === "" ? {} : { "ratelimit-policy": policies, ratelimit: limits };
}

const CONCURRENT = ';qu="concurrent-requests"';

/** `Retry-After` in whole seconds: when every policy that refused will allow (RFC 9110 section 10.2.3). */
export function retryAfter(refused: readonly PolicyState[]): string {
  return String(Math.max(1, Math.ceil(Math.max(...refused.map(({ decision }) => decision.retryAfterMs)) / 1000)));
}
