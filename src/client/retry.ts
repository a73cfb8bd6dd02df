import { parseHttpDate } from "../http/date.ts";
import type { ClientSettings } from "./options.ts";

/**
 * Whether and when a request is sent again.
 *
 * The budget is a token bucket an origin: a retry takes one token, a request gives a tenth of one back. When everything fails, retries
 * add at most a tenth to the load, instead of multiplying it just when the server can bear it least.
 */
export interface RetryPolicy {
  /** Counts a request towards its origin's budget. */
  admit(origin: string): void;
  /** How long to wait before the next attempt, in milliseconds; `undefined`: what came is final. Takes a token. */
  delayAfter(failure: AttemptFailure): number | undefined;
}

/** An attempt that brought nothing, or a response that may be worth another. */
export interface AttemptFailure {
  readonly origin: string;
  /** Attempts so far, from 1. */
  readonly attempt: number;
  /** The response; absent when the connection failed or the attempt took too long. */
  readonly response?: Response;
  /** Time left for the whole request. */
  readonly remainingMs: number;
}

/** Builds a policy with full buckets. */
export function createRetryPolicy(settings: ClientSettings): RetryPolicy {
  const tokens = new Map<string, number>();
  const left = (origin: string): number => tokens.get(origin) ?? settings.retryBudget;
  return {
    admit(origin) {
      const filled = Math.min(settings.retryBudget, left(origin) + EARNED_A_REQUEST);
      // The origin used last goes to the end, so that the first is the one to forget.
      tokens.delete(origin);
      tokens.set(origin, filled);
      if (tokens.size > MAX_ORIGINS) tokens.delete(tokens.keys().next().value ?? origin);
    },
    delayAfter({ origin, attempt, response, remainingMs }) {
      if (attempt > settings.retries || left(origin) < 1) return undefined;
      const delayMs = askedDelay(settings, attempt, response);
      if (delayMs === undefined || delayMs >= remainingMs) return undefined;
      tokens.set(origin, left(origin) - 1);
      return delayMs;
    },
  };
}

const EARNED_A_REQUEST = 0.1;
/** Buckets that are kept; a client seldom talks to more servers. */
const MAX_ORIGINS = 256;

function askedDelay(settings: ClientSettings, attempt: number, response: Response | undefined): number | undefined {
  const status = response?.status;
  if (status !== undefined && !RETRIED.has(status)) return undefined;
  const retryAfter = response?.headers.get("retry-after") ?? null;
  if (retryAfter !== null && (status === 429 || status === 503)) {
    const delayMs = parseRetryAfter(retryAfter, settings.now());
    if (delayMs !== undefined) return delayMs > settings.maxDelayMs ? undefined : delayMs;
  }
  // Who limits a rate and does not say until when gets no second request.
  if (status === 429) return undefined;
  // Full jitter: clients that failed together do not come back together.
  return settings.random() * Math.min(settings.maxDelayMs, settings.backoffMs * 2 ** (attempt - 1));
}

const RETRIED = new Set([429, 502, 503, 504]);

/** Milliseconds from now (RFC 9110 section 10.2.3). */
function parseRetryAfter(value: string, nowMs: number): number | undefined {
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const timeMs = parseHttpDate(value, nowMs);
  return timeMs === undefined ? undefined : Math.max(0, timeMs - nowMs);
}
