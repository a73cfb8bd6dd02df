import type { Procedure, ProcedureRequest } from "../../api/procedures.ts";
import { wireFields } from "../../content/protobuf/fields.ts";
import { HotpathError } from "../../errors.ts";
import type { HttpRequest, ReplyHeaders } from "../../http/message.ts";
import { type CallResult, failed, type Handle, runCall, toFailure } from "./call.ts";

/** The rows of a page. */
export interface RowsPage {
  readonly messages: readonly Buffer[];
  /** Of the reply that they came in. */
  readonly headers: ReplyHeaders;
}

/** Rows of a stream, page by page. It ends with what went wrong, or well. */
export type MessageStream = AsyncGenerator<RowsPage, CallResult | undefined>;

/**
 * Rows page by page: the next is read when the caller has taken the one before, and each sees the database as it is then. A limit that was
 * asked for counts over all pages.
 */
export async function* exportedRows(
  walk: Handle,
  caller: HttpRequest,
  procedure: Procedure,
  message: Buffer,
  timeoutMs: number | undefined,
): MessageStream {
  const endsMs = timeoutMs === undefined ? Infinity : performance.now() + timeoutMs;
  let left = limitOf(message);
  let asked: ProcedureRequest;
  try {
    asked = procedure.toRequest(message);
  } catch (error) {
    return failed(toFailure(error));
  }
  for (;;) {
    const leftMs = endsMs - performance.now();
    if (leftMs <= 0) return failed(toFailure(new HotpathError("HP_DEADLINE", "The time for the call is over.")));
    const result = await runCall(walk, caller, asked, toTimeout(leftMs), procedure.answers);
    const { failure, message: list, next, headers } = result;
    if (failure !== undefined) return result;
    const rows: Buffer[] = [];
    for (const { number, bytes } of wireFields(list)) if (number === 1 && rows.length < left) rows.push(bytes);
    left -= rows.length;
    yield { messages: rows, headers };
    if (next === undefined || left <= 0 || rows.length === 0) return undefined;
    const end = next.indexOf("?");
    asked = { ...asked, query: next.slice(end + 1) };
  }
}

function toTimeout(leftMs: number): number | undefined {
  return Number.isFinite(leftMs) ? leftMs : undefined;
}

/** Field 3 of a list's request. */
function limitOf(message: Buffer): number {
  let limit = Infinity;
  for (const { number, wireType, bits } of wireFields(message)) {
    if (number === 3 && wireType === 0) limit = Number(BigInt.asIntN(32, bits));
  }
  return limit;
}
