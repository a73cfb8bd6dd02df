import { parseHttpDate } from "./date.ts";
import { listsTag, matchesStrongly } from "./etag.ts";

/** The request fields that make a request conditional, as `node:http` delivers them. */
export interface ConditionalFields {
  readonly "if-match"?: string | undefined;
  readonly "if-none-match"?: string | undefined;
  readonly "if-modified-since"?: string | undefined;
  readonly "if-unmodified-since"?: string | undefined;
  readonly "if-range"?: string | undefined;
}

/** What is known of the selected representation. */
export interface Validators {
  /** Its entity tag, as in the `ETag` field. */
  readonly etag?: string | undefined;
  /** When it last changed, in milliseconds since the epoch; HTTP sees whole seconds. */
  readonly modifiedMs?: number | undefined;
  /** `false`: the resource has no current representation. Default `true`. */
  readonly exists?: boolean;
}

/** What the preconditions demand: do the method, answer 304 Not Modified, or answer 412 Precondition Failed. */
export type Precondition = "proceed" | "not-modified" | "failed";

/**
 * Evaluates the preconditions of a request in the order of RFC 9110 section 13.2.2. To be called only where the reply
 * would be successful without them (section 13.2.1).
 *
 * A date that is malformed, or has no date to compare with, is ignored as sections 13.1.3 and 13.1.4 demand.
 * A malformed entity tag matches nothing: `If-Match` then fails, which loses no update, and `If-None-Match` sends the content.
 */
export function evaluatePreconditions(method: string, fields: ConditionalFields, validators: Validators): Precondition {
  if (method === "OPTIONS" || method === "TRACE" || method === "CONNECT") return "proceed";
  const ifMatch = fields["if-match"];
  const ifUnmodifiedSince = fields["if-unmodified-since"];
  if (ifMatch !== undefined) {
    if (!isListed(ifMatch, validators, "strong")) return "failed";
  } else if (ifUnmodifiedSince !== undefined && isModifiedSince(ifUnmodifiedSince, validators) === true) {
    return "failed";
  }

  const isRead = method === "GET" || method === "HEAD";
  const ifNoneMatch = fields["if-none-match"];
  if (ifNoneMatch !== undefined) {
    if (!isListed(ifNoneMatch, validators, "weak")) return "proceed";
    return isRead ? "not-modified" : "failed";
  }
  const ifModifiedSince = fields["if-modified-since"];
  if (isRead && ifModifiedSince !== undefined && isModifiedSince(ifModifiedSince, validators) === false) {
    return "not-modified";
  }
  return "proceed";
}

/** Whether a request carries any field that `evaluatePreconditions` reads. */
export function isConditional(fields: ConditionalFields): boolean {
  return (
    fields["if-none-match"] !== undefined ||
    fields["if-modified-since"] !== undefined ||
    fields["if-match"] !== undefined ||
    fields["if-unmodified-since"] !== undefined
  );
}

/**
 * Whether the `Range` field of a request is to be honoured in view of its `If-Range` (RFC 9110 section 13.1.5). The comparison
 * is strong: weak tags never match, and a date only when it is exactly the modification time and that lies
 * a second or more before `nowMs`, since the representation may else have changed twice within it (section 8.8.2.2).
 */
export function isRangeApplicable(fields: ConditionalFields, validators: Validators, nowMs: number): boolean {
  const ifRange = fields["if-range"];
  if (ifRange === undefined) return true;
  if (validators.exists === false) return false;
  const value = ifRange.trim();
  if (value.startsWith('"') || value.startsWith("W/")) {
    return validators.etag !== undefined && matchesStrongly(value, validators.etag);
  }
  const date = parseHttpDate(value);
  if (date === undefined || validators.modifiedMs === undefined) return false;
  const modifiedSecond = Math.floor(validators.modifiedMs / 1000);
  return modifiedSecond * 1000 === date && nowMs - date >= 1000;
}

function isListed(value: string, validators: Validators, comparison: "strong" | "weak"): boolean {
  if (validators.exists === false) return false;
  if (value.trim() === "*") return true;
  return validators.etag !== undefined && listsTag(value, validators.etag, comparison);
}

/** `undefined` when the field must be ignored. */
function isModifiedSince(value: string, validators: Validators): boolean | undefined {
  if (validators.modifiedMs === undefined || validators.exists === false) return undefined;
  const since = parseHttpDate(value.trim());
  return since === undefined ? undefined : Math.floor(validators.modifiedMs / 1000) * 1000 > since;
}
