import type { IncomingHttpHeaders } from "node:http";
import { evaluatePreconditions, isConditional, isRangeApplicable } from "../../http/conditional.ts";
import { parseCacheDate } from "../../http/freshness.ts";
import type { ReplyHeaders } from "../../http/message.ts";
import { type ByteRange, formatContentRange, formatUnsatisfiedRange, selectByteRanges } from "../../http/range.ts";
import { parseContentRange } from "../../http/range.ts";
import type { StoredReply } from "../store.ts";

/** A part of stored content, as a reply to a request with `Range`. */
export interface Slice {
  readonly status: 206 | 416;
  readonly contentRange: string;
  readonly body: Uint8Array;
}

/**
 * The part of a stored reply that a request asks for (RFC 9110 section 14.2).
 *
 * @returns `whole` when the range is to be ignored, because of what it says or of what else the request says; `undefined` when the
 *   stored reply, itself a part, does not hold the range.
 */
export function sliceFor(
  method: string,
  headers: Readonly<IncomingHttpHeaders>,
  stored: StoredReply,
  nowMs: number,
): Slice | "whole" | undefined {
  const size = stored.range?.size ?? stored.body.byteLength;
  const ranges = selectByteRanges(headers.range ?? "", size);
  const whole = stored.range === undefined ? "whole" : undefined;
  // Several parts would be more bytes and more work than the whole.
  if (ranges === undefined || (ranges !== "unsatisfiable" && ranges.length !== 1)) return whole;
  const validators = validatorsOf(stored.headers);
  if (!isRangeApplicable(headers, validators, nowMs)) return whole;
  // Preconditions come first (RFC 9110 section 13.2.2); the represent stage answers them with the whole at hand.
  if (isConditional(headers) && evaluatePreconditions(method, headers, validators) !== "proceed") return whole;
  if (ranges === "unsatisfiable") {
    return { status: 416, contentRange: formatUnsatisfiedRange(size), body: new Uint8Array(0) };
  }
  const [range] = ranges as readonly [ByteRange];
  const first = stored.range?.first ?? 0;
  const last = stored.range?.last ?? size - 1;
  if (range.first < first || range.last > last) return undefined;
  const body = stored.body.subarray(range.first - first, range.last - first + 1);
  return { status: 206, contentRange: formatContentRange(range, size), body };
}

/** Which bytes a 206 carries; `undefined` when it is not one part of content of known size. */
export function partOf(headers: Readonly<ReplyHeaders>): StoredReply["range"] {
  const field = headers["content-range"];
  const range = typeof field === "string" ? parseContentRange(field) : undefined;
  if (range?.unit !== "bytes" || range.first === undefined || range.last === undefined || range.size === undefined) {
    return undefined;
  }
  return { first: range.first, last: range.last, size: range.size };
}

/**
 * A new part joined with a stored one that it overlaps or touches, the fields being those of the new one (RFC 9111 section 3.4). Only
 * the same strong entity tag proves that both are of the same content. All bytes together are the whole, a 200.
 */
export function joinParts(part: StoredReply, other: StoredReply): StoredReply | undefined {
  const one = part.range;
  const two = other.range;
  const etag = part.headers["etag"];
  if (one === undefined || two === undefined || one.size !== two.size) return undefined;
  if (typeof etag !== "string" || !etag.startsWith('"') || etag !== other.headers["etag"]) return undefined;
  if (one.first > two.last + 1 || two.first > one.last + 1) return undefined;
  const first = Math.min(one.first, two.first);
  const last = Math.max(one.last, two.last);
  const body = new Uint8Array(last - first + 1);
  body.set(other.body, two.first - first);
  body.set(part.body, one.first - first);
  const headers: ReplyHeaders = { ...other.headers, ...part.headers };
  delete headers["content-length"];
  if (last - first + 1 < one.size) {
    headers["content-range"] = formatContentRange({ first, last }, one.size);
    return { ...part, headers, body, range: { first, last, size: one.size } };
  }
  delete headers["content-range"];
  const { range: _range, statusText: _text, ...whole } = part;
  return { ...whole, status: 200, headers, body };
}

function validatorsOf(headers: Readonly<ReplyHeaders>): { etag: string | undefined; modifiedMs: number | undefined } {
  const etag = headers["etag"];
  const modified = headers["last-modified"];
  return {
    etag: typeof etag === "string" ? etag : undefined,
    modifiedMs: typeof modified === "string" ? parseCacheDate(modified) : undefined,
  };
}
