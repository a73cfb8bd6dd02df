/** Byte ranges (RFC 9110 section 14). */

/** Bytes `first` to `last`, both included. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** A `Content-Range` as parts; a part that is `*` or absent is `undefined`. */
export interface ContentRange {
  readonly unit: string;
  readonly first: number | undefined;
  readonly last: number | undefined;
  readonly size: number | undefined;
}

/** Requests for more parts than this are answered whole: they are attacks, or served better so (RFC 9110 section 14.2). */
const MOST_RANGES = 16;
/** `Range` fields that ask for 16 ranges need no more. */
const LONGEST_RANGE_FIELD = 1024;

/**
 * Decides what a `Range` field asks of a representation.
 *
 * Ranges that overlap or touch are merged, which RFC 9110 section 15.3.7.2 allows; the order of the request is kept otherwise.
 *
 * @param size the length of the representation in bytes.
 * @returns the ranges to send, `unsatisfiable` when a 416 is due, or `undefined` when the field has to be ignored: it is malformed,
 *   in another unit, or asks for too many parts. Never throws.
 */
export function selectByteRanges(value: string, size: number): readonly ByteRange[] | "unsatisfiable" | undefined {
  if (value.length > LONGEST_RANGE_FIELD) return undefined;
  const set = /^bytes=(.*)$/i.exec(value.trim())?.[1];
  if (set === undefined) return undefined;
  const specifications = set.split(",").map((element) => element.replace(/^[ \t]+|[ \t]+$/g, ""));
  const wanted = specifications.filter((element) => element !== "");
  if (wanted.length === 0 || wanted.length > MOST_RANGES) return undefined;
  const ranges: ByteRange[] = [];
  for (const specification of wanted) {
    const range = toByteRange(specification, size);
    if (range === undefined) return undefined;
    if (range !== "unsatisfiable") ranges.push(range);
  }
  return ranges.length === 0 ? "unsatisfiable" : mergeRanges(ranges);
}

/** `bytes 0-499/1234`; `size` is `undefined` when the whole length is not known. */
export function formatContentRange(range: ByteRange, size: number | undefined): string {
  return `bytes ${range.first}-${range.last}/${size ?? "*"}`;
}

/** The `Content-Range` of a 416 reply. */
export function formatUnsatisfiedRange(size: number): string {
  return `bytes */${size}`;
}

/** Parses a `Content-Range` of any unit (RFC 9110 section 14.4); `undefined` when it is malformed or contradicts itself. */
export function parseContentRange(value: string): ContentRange | undefined {
  if (value.length > 128) return undefined;
  const match = /^([!#$%&'*+.^_`|~\w-]+) (?:(\d+)-(\d+)|\*)\/(\d+|\*)$/.exec(value);
  if (match?.[1] === undefined) return undefined;
  const first = toCount(match[2]);
  const last = toCount(match[3]);
  const size = match[4] === "*" ? undefined : toCount(match[4]);
  if (first === undefined || last === undefined) {
    return size === undefined ? undefined : { unit: match[1].toLowerCase(), first: undefined, last: undefined, size };
  }
  if (last < first || (size !== undefined && last >= size)) return undefined;
  return { unit: match[1].toLowerCase(), first, last, size };
}

function toByteRange(specification: string, size: number): ByteRange | "unsatisfiable" | undefined {
  const match = /^(\d*)-(\d*)$/.exec(specification);
  const first = toCount(match?.[1]);
  const last = toCount(match?.[2]);
  if (first === undefined) {
    if (last === undefined) return undefined;
    // The last so many bytes.
    return last === 0 || size === 0 ? "unsatisfiable" : { first: Math.max(0, size - last), last: size - 1 };
  }
  if (last !== undefined && last < first) return undefined;
  if (first >= size) return "unsatisfiable";
  return { first, last: Math.min(last ?? size - 1, size - 1) };
}

/** Digits as a number; more of them than are exact mean "very many". */
function toCount(digits: string | undefined): number | undefined {
  if (digits === undefined || digits === "") return undefined;
  return Math.min(Number(digits), Number.MAX_SAFE_INTEGER);
}

function mergeRanges(ranges: readonly ByteRange[]): readonly ByteRange[] {
  if (ranges.length === 1) return ranges;
  const merged: ByteRange[] = [];
  for (const range of ranges) {
    let { first, last } = range;
    let place = merged.length;
    // Merging can make a range reach further ones, so they are looked at again. At most 16 ranges take part.
    for (let index = 0; index < merged.length;) {
      const other = merged[index];
      if (other === undefined || other.first > last + 1 || other.last < first - 1) {
        index++;
        continue;
      }
      first = Math.min(first, other.first);
      last = Math.max(last, other.last);
      merged.splice(index, 1);
      place = Math.min(place, index);
      index = 0;
    }
    merged.splice(place, 0, { first, last });
  }
  return merged;
}
