import { Readable } from "node:stream";
import type { MetricsRegistry } from "../api/source.ts";
import type { Identity } from "../auth/identity.ts";
import { HotpathError } from "../errors.ts";
import type { HttpReply, HttpRequest } from "../http/message.ts";
import { toProblem, toProblemReply } from "../http/problem.ts";
import type { Admission, Limits, Usage } from "../limit/limits.ts";
import type { LimitedRequest } from "../limit/policy.ts";

/** The step of the walk that counts requests. */
export interface LimitStep {
  readonly limits: Limits;
  /** Counts a refusal. */
  refused(policy: string): void;
}

/** Declares `limit_refusals_total`. */
export function createLimitStep(limits: Limits, registry: MetricsRegistry): LimitStep {
  const refusals = registry.counter({
    name: "limit_refusals_total",
    help: "Requests that a rate limit refused, by its name.",
    labels: ["policy"],
  });
  const series = new Map<string, { add(amount?: number): void }>();
  return {
    limits,
    refused(policy) {
      let counter = series.get(policy);
      if (counter === undefined) series.set(policy, (counter = refusals.with(policy)));
      counter.add();
    },
  };
}

/** What limits look at. Nothing of it is read before a policy asks, but the address. */
export function toLimitedRequest(request: HttpRequest, limits: Limits, identity: Identity | undefined): LimitedRequest {
  const { method, path, headers } = request;
  return { method, path, headers, address: limits.addressOf(request), identity };
}

/**
 * The reply to a request beyond its quota: a problem of the type that draft-ietf-httpapi-ratelimit-headers registers, which
 * names the policies.
 */
export function toLimitReply({ refused, retryAfter, fields }: Admission): HttpReply {
  const names = refused.map(({ policy }) => policy.name);
  const error = new HotpathError("HP_RATE_LIMITED", `Beyond the limit: ${names.join(", ")}.`, {
    headers: { "retry-after": retryAfter, ...fields },
  });
  const problem = { ...toProblem(error), type: QUOTA_EXCEEDED, "violated-policies": names };
  return { ...toProblemReply(error), body: JSON.stringify(problem) };
}

/** Says that a request is over: when its reply is made or, of one that is streamed, when the stream is through. */
export function settleWith(admission: Admission, reply: HttpReply): void {
  const { body } = reply;
  if (body instanceof Readable) body.once("close", () => admission.settle(usageOf(reply)));
  else admission.settle(usageOf(reply));
}

/** What a reply came to: its rows as `Content-Range` counts them, or one, and its content's bytes where they are known. */
export function usageOf({ headers, body }: HttpReply): Usage {
  const range = headers["content-range"];
  const rows = typeof range === "string" ? /^(?:\w+ )?(\d+)-(\d+)\//.exec(range) : null;
  return { rows: rows === null ? 1 : Number(rows[2]) - Number(rows[1]) + 1, bytes: bytesOf(headers, body) };
}

function bytesOf(headers: HttpReply["headers"], body: HttpReply["body"]): number {
  if (typeof body === "string") return Buffer.byteLength(body);
  if (body === undefined) return 0;
  return body instanceof Readable ? Number(headers["content-length"] ?? 0) || 0 : body.byteLength;
}

const QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded";
