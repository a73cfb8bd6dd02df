import type { Verdict } from "../auth/authenticator.ts";
import { CredentialsRefused } from "../auth/refusal.ts";
import type { HttpReply, HttpRequest, ReplyMemo } from "../http/message.ts";
import type { LimitedRequest } from "../limit/policy.ts";
import { type LimitStep, usageOf } from "./limited.ts";

/** A repeated reply counts like any other, and ends with the credentials that it was given for. */
export function repeatable(
  memo: ReplyMemo,
  endsMs: number,
  isOver: () => boolean,
  admit: (remoteAddress: string) => boolean,
  count: () => void,
): ReplyMemo {
  return {
    untilMs: Math.min(memo.untilMs, endsMs),
    isCurrent: () => !isOver() && memo.isCurrent(),
    repeat(remoteAddress) {
      if (!admit(remoteAddress) || !memo.repeat(remoteAddress)) return false;
      count();
      return true;
    },
  };
}

/** A request without limits may always be repeated. */
export function always(): boolean {
  return true;
}

/**
 * Counts a repeated request like the one it repeats, which came from the same address. One that is refused goes on the walk, where its
 * refusal is made.
 */
export function repeatedAdmission(
  limit: LimitStep | undefined,
  limited: LimitedRequest,
  request: HttpRequest,
  reply: HttpReply,
): (remoteAddress: string) => boolean {
  const from = request.remoteAddress;
  const usage = usageOf(reply);
  return (remoteAddress) => {
    if (remoteAddress !== from) return false;
    const again = limit?.limits.admit(limited);
    if (again === undefined || again instanceof Promise || again.refused.length > 0) return false;
    again.settle(usage);
    return true;
  };
}

/** When the credentials end that a verdict rests on, in milliseconds since the epoch. */
export function endOf(verdict: Verdict | undefined): number {
  return verdict === undefined || verdict instanceof CredentialsRefused
    ? Number.POSITIVE_INFINITY
    : verdict.validUntilMs;
}
