import { HotpathError } from "../errors.ts";
import type { HttpReply } from "./message.ts";
import { toProblemReply } from "./problem.ts";

/**
 * The reply to a request that was ended before it was answered, `undefined` where it was not: its time was over (then the signal
 * says so), or its client has left.
 */
export function toEndedReply(signal: AbortSignal): HttpReply | undefined {
  if (!signal.aborted) return undefined;
  if (signal.reason instanceof HotpathError) return toProblemReply(signal.reason);
  return { status: CLIENT_LEFT, headers: {}, body: undefined, validate: false };
}

/** Nobody reads this status but metrics and log, which must not take a client's leaving for a failure (nginx's code). */
const CLIENT_LEFT = 499;
