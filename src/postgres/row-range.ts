import { DialectError } from "./dialect-error.ts";
import type { RowRange } from "./query/ast.ts";

/**
 * The rows of the root that a request asks for: the `Range` header's within those of `limit` and `offset`.
 *
 * @param header `Range` of a GET, e.g. `0-9` or `10-`; other texts ask for nothing.
 * @throws DialectError PGRST103 for an empty range; a limit of 0 is the one that may be empty.
 */
export function rootRange(header: string | undefined, given: RowRange | undefined): RowRange {
  const limits = given ?? { offset: 0 };
  if (limits.limit === 0) return { limit: 0, offset: 0 };
  const asked = header === undefined ? undefined : parseRange(header);
  if (asked !== undefined && asked.last < asked.first) {
    throw unsatisfiable("The lower boundary must be lower than or equal to the upper boundary in the Range header.");
  }
  const first = Math.max(limits.offset, asked?.first ?? 0);
  const last = Math.min(
    limits.limit === undefined ? Number.POSITIVE_INFINITY : limits.offset + limits.limit - 1,
    asked?.last ?? Number.POSITIVE_INFINITY,
  );
  if (last < first) throw unsatisfiable("Limit should be greater than or equal to zero.");
  return last === Number.POSITIVE_INFINITY ? { offset: first } : { offset: first, limit: last - first + 1 };
}

/** `Content-Range` of a page and the status that goes with it (RFC 9110 section 14.4, with `items` as the unit). */
export function rangeReply(
  offset: number,
  pageCount: number,
  total: number | null,
): { status: 200 | 206 | 416; contentRange: string } {
  const last = offset + pageCount - 1;
  const rows = total !== 0 && offset <= last ? `${offset}-${last}` : "*";
  const contentRange = `${rows}/${total ?? "*"}`;
  if (total === null) return { status: 200, contentRange };
  if (offset > total) return { status: 416, contentRange };
  return { status: pageCount < total ? 206 : 200, contentRange };
}

export function outOfBounds(offset: number, total: number): DialectError {
  return unsatisfiable(`An offset of ${offset} was requested, but there are only ${total} rows.`, `*/${total}`);
}

function parseRange(header: string): { first: number; last: number } | undefined {
  const match = /^(?:items=)?(\d+)-(\d*)$/.exec(header);
  if (match === null) return undefined;
  return { first: rowNumber(match[1]), last: match[2] === "" ? Number.POSITIVE_INFINITY : rowNumber(match[2]) };
}

/** Beyond what a number holds exactly there are no rows. */
function rowNumber(digits: string | undefined): number {
  return Math.min(Number(digits), Number.MAX_SAFE_INTEGER);
}

function unsatisfiable(details: string, contentRange?: string): DialectError {
  return new DialectError("PGRST103", 416, "Requested range not satisfiable", {
    details,
    ...(contentRange === undefined ? {} : { headers: { "content-range": contentRange } }),
  });
}
